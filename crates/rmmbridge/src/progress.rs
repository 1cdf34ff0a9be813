//! Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.

use engine::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Shows progress in the way that fits where standard error goes.
pub struct Shown {
    bar: Option<ProgressBar>,
    plain: Mutex<Plain>,
    quiet: bool,
}

#[derive(Default)]
struct Plain {
    phase: &'static str,
    since: Option<Instant>,
}

impl Shown {
    /// A bar on a terminal, lines elsewhere, nothing when `quiet`.
    pub fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            bar,
            plain: Mutex::new(Plain::default()),
            quiet,
        }
    }

    /// Takes the bar away, so that results stand alone.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Says a line of its own.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None if !self.quiet => eprintln!("{line}"),
            None => {}
        }
    }

    fn line(&self, phase: &'static str, done: u64, total: Option<u64>) {
        let Ok(mut plain) = self.plain.lock() else { return };
        let due = plain.since.is_none_or(|since| since.elapsed() >= EVERY);
        if plain.phase == phase && !due {
            return;
        }
        let first = plain.phase != phase;
        *plain = Plain {
            phase,
            since: Some(Instant::now()),
        };
        match total {
            Some(total) if !first || done > 0 => eprintln!("{phase}: {done} of {total}"),
            None if done > 0 => eprintln!("{phase}: {done}"),
            _ => eprintln!("{phase} ..."),
        }
    }
}

impl Progress for Shown {
    fn at(&self, phase: &'static str, done: u64, total: Option<u64>) {
        let Some(bar) = &self.bar else {
            if !self.quiet {
                self.line(phase, done, total);
            }
            return;
        };
        // The template is a literal that parses; a bar without one is a bar all the same.
        let template = if total.is_some() {
            "{spinner} {msg} {bar:30} {human_pos}/{human_len} {eta}"
        } else {
            "{spinner} {msg} {human_pos}"
        };
        if bar.message() != phase {
            bar.reset();
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_message(phase);
        }
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
    }
}
