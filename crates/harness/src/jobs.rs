//! Trials at a time: side by side in processes of their own, or through f together as one batch.
//!
//! On a processor, several trials with a few threads each can do more than one with all of them: small networks leave threads
//! idle, large ones don't. On a GPU, a large batch does more than small ones. So both are measured: how long a pass of the
//! backbone takes, forward and backward, with all threads and with a share of them, and with the items of several trials. Trials
//! that run side by side do so in processes of their own, because the autodiff engine lets one backward pass of a process run at
//! a time. No number of a record depends on the division, but for rounding; times and memory do.

use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;

/// Trials at a time, as asked for by `--jobs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// What does the most, found out for each backbone.
    Measured,
    /// So many, at least one.
    Fixed(usize),
}

/// Trials that go through f together, as asked for by `--fuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fuse {
    /// As many as does the most, found out for each backbone.
    Measured,
    /// Each alone.
    Off,
    /// Up to so many, at least one.
    Fixed(usize),
}

impl std::str::FromStr for Jobs {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match (word, word.parse()) {
            ("auto", _) => Ok(Self::Measured),
            (_, Ok(n)) if n > 0 => Ok(Self::Fixed(n)),
            (_, Ok(_) | Err(_)) => Err("trials at a time are \"auto\" or a number of at least 1".to_owned()),
        }
    }
}

impl std::str::FromStr for Fuse {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match (word, word.parse()) {
            ("auto", _) => Ok(Self::Measured),
            ("off", _) => Ok(Self::Off),
            (_, Ok(n)) if n > 0 => Ok(Self::Fixed(n)),
            (_, Ok(_) | Err(_)) => Err("trials that share passes are \"auto\", \"off\" or a number of at least 1".to_owned()),
        }
    }
}

/// A division of the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Division {
    /// Trials at a time.
    pub trials: usize,
    /// Threads of each.
    pub threads: usize,
}

impl Division {
    const fn of(n_threads: usize, trials: usize) -> Self {
        let threads = n_threads / trials;
        Self { trials, threads: if threads == 0 { 1 } else { threads } }
    }
}

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// How the threads are divided.
    pub division: Division,
    /// Up to so many trials that can share passes do.
    pub together: usize,
    /// Items expected in a second, as a multiple of those of one trial at a time; nothing where nothing was measured.
    pub gain: Option<f64>,
}

/// What there is to do.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Trials.
    pub n_trials: usize,
    /// The most of them that could share passes and that memory holds.
    pub most_together: usize,
    /// A pass of their backbone, with the items of so many trials.
    pub pass: &'a (dyn Fn(usize) + Sync),
}

/// How long each way is measured, and for one pass at least.
const WHILE: Duration = Duration::from_millis(300);
/// More trials at a time cost memory, so that a small gain is not worth it.
const WORTH: f64 = 1.1;

/// Chooses how trials run. What is left to be found out is measured.
pub fn decide(jobs: Jobs, fuse: Fuse, work: Work<'_>) -> Decision {
    let n_threads = rayon::current_num_threads();
    let divisions: Vec<Division> = match jobs {
        Jobs::Fixed(trials) => vec![Division::of(n_threads, trials)],
        Jobs::Measured => {
            let doubled = std::iter::successors(Some(1), |trials| Some(trials * 2));
            doubled
                .take_while(|&trials| trials == 1 || trials <= n_threads.min(work.n_trials))
                .map(|n| Division::of(n_threads, n))
                .collect()
        }
    };
    let together = match fuse {
        Fuse::Off => Some(1),
        Fuse::Fixed(n) => Some(n.min(work.most_together).max(1)),
        Fuse::Measured if work.most_together < 2 || divisions[0].trials > 1 => Some(1),
        Fuse::Measured => None,
    };
    if let (Some(together), [division]) = (together, divisions.as_slice()) {
        return Decision { division: *division, together, gain: None };
    }
    (work.pass)(1); // What is only done once is not measured.
    let speed = |division: Division, together: usize| (division, together, items_a_second(division, together, work.pass));
    let mut speeds: Vec<_> = divisions.iter().map(|&division| speed(division, together.unwrap_or(1))).collect();
    if together.is_none() {
        // Twice as many, as long as that does more.
        let (mut n, mut before) = (2, speeds[0].2);
        while n <= work.most_together {
            let found = speed(divisions[0], n);
            speeds.push(found);
            if found.2 < before * WORTH {
                break;
            }
            (n, before) = (2 * n, found.2);
        }
    }
    choose(&speeds)
}

/// The fewest trials at a time that do nearly as much as the best way. The first way is that of one trial.
fn choose(speeds: &[(Division, usize, f64)]) -> Decision {
    let alone = speeds[0].2;
    let best = speeds.iter().map(|(_, _, speed)| *speed).fold(alone, f64::max);
    let good = speeds.iter().filter(|(_, _, speed)| speed * WORTH >= best);
    let &(division, together, speed) = good.min_by_key(|(division, together, _)| division.trials * together).unwrap_or(&speeds[0]);
    Decision { division, together, gain: Some(speed / alone) }
}

/// As many trials' items as trials side by side would do if they did not hinder each other.
fn items_a_second(division: Division, together: usize, pass: &(dyn Fn(usize) + Sync)) -> f64 {
    // As much stack as the main thread has: a backward pass is as deep as its network.
    let pool = ThreadPoolBuilder::new().num_threads(division.threads).stack_size(8 << 20).build().expect("the system gives threads");
    let seconds = pool.install(|| {
        let (started, mut done) = (Instant::now(), 0u32);
        while done == 0 || started.elapsed() < WHILE {
            pass(together);
            done += 1;
        }
        started.elapsed().as_secs_f64() / f64::from(done)
    });
    (division.trials * together) as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(trials: usize) -> Division {
        Division { trials, threads: 8 / trials }
    }

    #[test]
    fn more_at_a_time_must_be_worth_it() {
        let chosen = |speeds: &[f64], fused: &[f64]| {
            let apart = speeds.iter().enumerate().map(|(i, speed)| (at(1 << i), 1, *speed));
            let together = fused.iter().enumerate().map(|(i, speed)| (at(1), 2 << i, *speed));
            let decision = choose(&apart.chain(together).collect::<Vec<_>>());
            (decision.division.trials, decision.together, (decision.gain.unwrap() * 10.0).round() / 10.0)
        };
        assert_eq!(chosen(&[10.0, 10.5, 9.0, 4.0], &[10.2]), (1, 1, 1.0));
        assert_eq!(chosen(&[10.0, 18.0, 19.0, 19.5], &[9.0]), (2, 1, 1.8));
        assert_eq!(chosen(&[10.0, 15.0, 25.0, 40.0], &[12.0, 11.0]), (8, 1, 4.0));
        assert_eq!(chosen(&[10.0], &[19.0, 35.0, 37.0]), (1, 4, 3.5));
    }

    #[test]
    fn what_is_asked_for_is_not_measured() {
        let never = |_: usize| panic!("nothing is left to be found out");
        let work = Work { n_trials: 9, most_together: 3, pass: &never };
        let decided = |jobs, fuse| {
            let decision = decide(jobs, fuse, work);
            (decision.division.trials, decision.together, decision.gain)
        };
        assert_eq!(decided(Jobs::Fixed(2), Fuse::Measured), (2, 1, None), "who divides the trials does not ask for more");
        assert_eq!(decided(Jobs::Fixed(1), Fuse::Fixed(8)), (1, 3, None));
        assert_eq!(decided(Jobs::Fixed(1), Fuse::Off), (1, 1, None));
    }

    #[test]
    fn passes_are_shared_as_long_as_that_does_more() {
        let waits = |n: usize| std::thread::sleep(Duration::from_millis(10 + 2 * n.saturating_sub(4) as u64 * 5));
        let decision = decide(Jobs::Fixed(1), Fuse::Measured, Work { n_trials: 9, most_together: 9, pass: &waits });
        assert_eq!(decision.together, 4, "{decision:?}");
        let wide = |n: usize| std::thread::sleep(Duration::from_millis(10 * n as u64));
        assert_eq!(decide(Jobs::Fixed(1), Fuse::Measured, Work { n_trials: 9, most_together: 9, pass: &wide }).together, 1);
    }

    #[test]
    fn jobs_are_a_word_or_a_number() {
        assert_eq!(("auto".parse(), "3".parse()), (Ok(Jobs::Measured), Ok(Jobs::Fixed(3))));
        assert_eq!(("auto".parse(), "off".parse(), "3".parse()), (Ok(Fuse::Measured), Ok(Fuse::Off), Ok(Fuse::Fixed(3))));
        let refused = ["0".parse::<Jobs>().unwrap_err(), "many".parse::<Jobs>().unwrap_err(), "0".parse::<Fuse>().unwrap_err()];
        insta::assert_snapshot!(refused.join("\n"));
    }
}
