//! What is waited for, on a terminal: a line that shows after a second, moves, and goes.
//!
//! A thread of its own draws it, since what waits sleeps in the kernel. It is written like everything
//! else that is said (`voice.rs`): where the terminal takes nothing, it is not drawn, and nothing waits
//! for it. (A library would write and wait.)

use std::env;
use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::voice::{self, Voice};

/// What takes no longer is over before anybody wonders.
const SOON: Duration = Duration::from_secs(1);

/// Between two pictures.
const STEP: Duration = Duration::from_millis(200);

/// In every character set.
const WHEEL: [char; 4] = ['|', '/', '-', '\\'];

/// What is shown at most of what is waited for, in characters; of a longer path its end.
const MOST: usize = 55;

/// Shows what is waited for, as long as this lives.
pub(crate) struct Progress {
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows this in a second, if standard error is a terminal.
    pub(crate) fn of(voice: Voice, what: &str) -> Self {
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        if voice.is_quiet() || is_dumb || !stderr().is_terminal() {
            return Self { thread: None };
        }
        let (sender, receiver) = channel();
        let what = what.to_owned();
        let thread = thread::Builder::new().spawn(move || draw(&what, &receiver));
        Self { thread: thread.ok().map(|thread| (sender, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.thread.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

/// Draws until the sender is gone.
fn draw(what: &str, end: &Receiver<()>) {
    let started = Instant::now();
    let mut pause = SOON;
    for wheel in WHEEL.iter().cycle() {
        match end.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {
                voice::show(&picture(*wheel, what, started.elapsed()));
            }
            _ => break,
        }
        pause = STEP;
    }
    voice::hide();
}

fn picture(wheel: char, what: &str, waited: Duration) -> String {
    let time = waited.as_secs();
    match what.chars().count().checked_sub(MOST) {
        None | Some(0) => format!("{wheel} {what} {time} s"),
        Some(over) => {
            let end: String = what.chars().skip(over + "...".len()).collect();
            format!("{wheel} ...{end} {time} s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_path_the_end_is_shown() {
        let short = picture('|', "waiting for x", Duration::from_millis(2700));
        assert_eq!(short, "| waiting for x 2 s");
        let long = picture(
            '|',
            &format!("waiting for /{}/end", "x".repeat(200)),
            Duration::from_secs(86_400),
        );
        assert!(long.starts_with("| ...xxx") && long.ends_with("xxx/end 86400 s"), "{long}");
        assert_eq!(long.chars().count(), 2 + MOST + " 86400 s".len());
    }
}
