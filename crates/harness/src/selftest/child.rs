//! The self-test in a process of its own: a line when an operation begins, a line when it has ended.

use std::io::{self, BufRead as _, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Outcome, Tested, run};
use crate::device::Precision;

/// How long one operation may take: the first ones compile shaders, which takes a software driver half a minute.
pub const PATIENCE: Duration = Duration::from_mins(5);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Offered(Vec<Precision>),
    Begun(String),
    Ended(Tested),
}

/// What a child said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// What the device can compute in; empty where it did not get so far.
    pub offered: Vec<Precision>,
    /// What was tested, in order.
    pub tested: Vec<Tested>,
}

fn say(line: &Line, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_string(line).map_err(io::Error::from).and_then(|line| writeln!(out, "{line}")).and_then(|()| out.flush())
}

/// The child's side: says what the device can compute in.
pub fn offer(offered: &[Precision], out: &mut dyn Write) -> io::Result<()> {
    say(&Line::Offered(offered.to_vec()), out)
}

/// The child's side: runs the test, and says on `out` how it goes.
pub fn serve(device: &Device, out: &mut dyn Write) -> io::Result<()> {
    let failed = std::cell::RefCell::new(Ok(()));
    let out = std::cell::RefCell::new(out);
    let told = |line: Line| {
        let said = say(&line, &mut **out.borrow_mut());
        if said.is_err() {
            *failed.borrow_mut() = said;
        }
    };
    run(device, &mut |name| told(Line::Begun(name.to_owned())), &mut |tested| told(Line::Ended(tested)));
    failed.into_inner()
}

/// The parent's side: starts the child and reads what it says, until it ends. An operation that begins and does not end has
/// died with the process.
pub fn run_apart(mut command: Command, patience: Duration) -> io::Result<Report> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (sender, lines) = mpsc::channel();
    let stdout = child.stdout.take().map(BufReader::new);
    let reader = thread::spawn(move || {
        for line in stdout.into_iter().flat_map(BufReader::lines).map_while(Result::ok) {
            // Drivers write to standard output too; what is none of ours is passed over.
            if let Ok(line) = serde_json::from_str::<Line>(&line)
                && sender.send(line).is_err()
            {
                break;
            }
        }
    });
    let stderr = child.stderr.take();
    let complaints = thread::spawn(move || stderr.map(io::read_to_string).and_then(Result::ok).unwrap_or_default());
    let (mut report, mut begun) = (Report::default(), None);
    let said = loop {
        match lines.recv_timeout(patience) {
            Ok(Line::Offered(offered)) => report.offered = offered,
            Ok(Line::Begun(name)) => begun = Some(name),
            Ok(Line::Ended(one)) => {
                begun = None;
                report.tested.push(one);
            }
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                child.wait()?;
                break Some(format!("it did not come back within {} s", patience.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => break end_of(&mut child)?,
        }
    };
    let _ = reader.join();
    let complaints = complaints.join().unwrap_or_default();
    if let Some(said) = said {
        let last =
            complaints.lines().rev().find(|line| !line.trim().is_empty()).map(|line| format!(": {}", line.trim())).unwrap_or_default();
        let operation = begun.unwrap_or_else(|| "opening the device".to_owned());
        report.tested.push(Tested { operation, outcome: Outcome::Died { said: format!("{said}{last}") } });
    }
    Ok(report)
}

/// How the process ended, if not well.
fn end_of(child: &mut Child) -> io::Result<Option<String>> {
    let status = child.wait()?;
    Ok((!status.success()).then(|| format!("the process ended ({status})")))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn of_script(script: &str, patience: Duration) -> Report {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run_apart(command, patience).unwrap()
    }

    const GOOD: &str = r#"echo 'a driver says hello'
echo '{"offered":["f32","f16"]}'
echo '{"begun":"matmul"}'
echo '{"ended":{"operation":"matmul","outcome":{"kind":"measured","output":{"relative":1e-6,"at":0,"found":1.0,"expected":1.0},"gradient":null}}}'"#;

    #[test]
    fn what_a_child_says_is_read() {
        let report = of_script(GOOD, PATIENCE);
        assert_eq!(report.offered, [Precision::F32, Precision::F16]);
        assert_eq!(report.tested.len(), 1);
        assert!(report.tested[0].outcome.holds(1e-4));
    }

    #[test]
    fn a_driver_that_takes_the_process_down_is_told_by_its_operation() {
        let Report { tested, .. } =
            of_script(&format!("{GOOD}\necho '{{\"begun\":\"softmax\"}}'; echo 'bad shader' >&2; kill -SEGV $$"), PATIENCE);
        assert_eq!((tested.len(), tested[1].operation.as_str()), (2, "softmax"));
        let Outcome::Died { said } = &tested[1].outcome else { panic!("{tested:?}") };
        assert!(said.contains("signal: 11") && said.ends_with(": bad shader"), "{said}");
    }

    #[test]
    fn a_driver_that_hangs_is_not_waited_for() {
        let Report { tested, .. } = of_script(r#"echo '{"begun":"pad"}'; exec sleep 60"#, Duration::from_millis(300));
        assert_eq!(tested[0].operation, "pad");
        assert!(!tested[0].outcome.holds(1e-4));
    }
}
