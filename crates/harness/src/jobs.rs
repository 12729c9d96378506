//! Trials side by side: on a processor, several trials with a few threads each can do more than one with all of them.
//!
//! Small networks leave threads idle, large ones don't, so that it is measured: how long a pass of the backbone takes, forward
//! and backward, with all threads and with a share of them. Trials that run side by side do so in processes of their own,
//! because the autodiff engine lets one backward pass of a process run at a time. No number of a record depends on the
//! division, except times and memory.

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

/// A division that was chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Which.
    pub division: Division,
    /// Passes expected in a second, as a multiple of those of one trial with all threads; nothing where nothing was measured.
    pub gain: Option<f64>,
}

/// How long each division is measured, and for one pass at least.
const WHILE: Duration = Duration::from_millis(300);
/// Trials side by side cost memory, so that a small gain is not worth it.
const WORTH: f64 = 1.1;

/// Chooses a division for `n_trials` trials by `pass`, one pass of their backbone.
pub fn decide(jobs: Jobs, n_trials: usize, pass: &(dyn Fn() + Sync)) -> Decision {
    let n_threads = rayon::current_num_threads();
    let single = Division::of(n_threads, 1);
    match jobs {
        Jobs::Fixed(trials) => Decision { division: Division::of(n_threads, trials), gain: None },
        Jobs::Measured if n_threads == 1 || n_trials < 2 => Decision { division: single, gain: None },
        Jobs::Measured => {
            let divisions =
                std::iter::successors(Some(1), |trials| Some(trials * 2)).take_while(|&trials| trials <= n_threads.min(n_trials));
            pass(); // What is only done once is not measured.
            let speeds: Vec<(Division, f64)> = divisions
                .map(|trials| Division::of(n_threads, trials))
                .map(|division| (division, passes_a_second(division, pass)))
                .collect();
            choose(&speeds)
        }
    }
}

/// The fewest trials at a time that do nearly as much as the best division. The first division is that of one trial.
fn choose(speeds: &[(Division, f64)]) -> Decision {
    let (single, alone) = speeds[0];
    let best = speeds.iter().map(|(_, speed)| *speed).fold(alone, f64::max);
    let division = speeds.iter().find(|(_, speed)| speed * WORTH >= best).map_or(single, |(division, _)| *division);
    let speed = speeds.iter().find(|(other, _)| *other == division).map_or(alone, |(_, speed)| *speed);
    Decision { division, gain: Some(speed / alone) }
}

/// As many passes as its trials would do if they did not hinder each other.
fn passes_a_second(division: Division, pass: &(dyn Fn() + Sync)) -> f64 {
    // As much stack as the main thread has: a backward pass is as deep as its network.
    let pool = ThreadPoolBuilder::new().num_threads(division.threads).stack_size(8 << 20).build().expect("the system gives threads");
    let seconds = pool.install(|| {
        let (started, mut done) = (Instant::now(), 0u32);
        while done == 0 || started.elapsed() < WHILE {
            pass();
            done += 1;
        }
        started.elapsed().as_secs_f64() / f64::from(done)
    });
    division.trials as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(trials: usize) -> Division {
        Division { trials, threads: 8 / trials }
    }

    #[test]
    fn more_at_a_time_must_be_worth_it() {
        let chosen = |speeds: &[f64]| {
            let speeds: Vec<_> = speeds.iter().enumerate().map(|(i, speed)| (at(1 << i), *speed)).collect();
            let decision = choose(&speeds);
            (decision.division.trials, (decision.gain.unwrap() * 10.0).round() / 10.0)
        };
        assert_eq!(chosen(&[10.0, 10.5, 9.0, 4.0]), (1, 1.0));
        assert_eq!(chosen(&[10.0, 18.0, 19.0, 19.5]), (2, 1.8));
        assert_eq!(chosen(&[10.0, 15.0, 25.0, 40.0]), (8, 4.0));
    }

    #[test]
    fn jobs_are_a_word_or_a_number() {
        assert_eq!(("auto".parse(), "3".parse()), (Ok(Jobs::Measured), Ok(Jobs::Fixed(3))));
        insta::assert_snapshot!(format!("{}\n{}", "0".parse::<Jobs>().unwrap_err(), "many".parse::<Jobs>().unwrap_err()));
    }
}
