//! The words of a fault in one line.

use std::str::FromStr;

use super::FaultText;

/// `name` or `name=value`.
pub(super) struct Word {
    pub(super) name: String,
    pub(super) value: Option<String>,
}

impl Word {
    fn of(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Self {
                name: name.to_owned(),
                value: Some(value.to_owned()),
            },
            None => Self {
                name: text.to_owned(),
                value: None,
            },
        }
    }

    /// Whether it says how often: `x3`.
    pub(super) fn is_times(&self) -> bool {
        self.value.is_none()
            && self
                .name
                .strip_prefix('x')
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    }

    pub(super) fn written(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={value}", self.name),
            None => self.name.clone(),
        }
    }

    pub(super) fn wrong(&self, expected: &'static str) -> FaultText {
        FaultText::Value {
            word: self.written(),
            expected,
        }
    }

    pub(super) fn number<T: FromStr>(&self, expected: &'static str) -> Result<T, FaultText> {
        self.value
            .as_deref()
            .and_then(|value| value.parse().ok())
            .ok_or_else(|| self.wrong(expected))
    }

    /// The value without the quotes around it.
    pub(super) fn text(&self) -> String {
        let value = self.value.as_deref().unwrap_or_default();
        value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value)
            .to_owned()
    }
}

/// An effect's name and what follows it.
pub(super) struct Words {
    pub(super) effect: Word,
    pub(super) rest: Vec<Word>,
}

impl Words {
    /// Cut at spaces, but for those in double quotes.
    pub(super) fn of(text: &str) -> Result<Self, FaultText> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in text.chars() {
            quoted ^= c == '"';
            if c.is_whitespace() && !quoted {
                words.push(String::new());
            } else if let Some(word) = words.last_mut() {
                word.push(c);
            }
        }
        let mut words = words.iter().filter(|w| !w.is_empty()).map(|w| Word::of(w));
        Ok(Self {
            effect: words.next().ok_or(FaultText::NoColon)?,
            rest: words.collect(),
        })
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Word> {
        let at = self.rest.iter().position(|word| word.name == name)?;
        Some(self.rest.remove(at))
    }

    pub(super) fn must(&mut self, name: &str, what: &'static str) -> Result<Word, FaultText> {
        self.take(name).ok_or_else(|| FaultText::Needs {
            effect: self.effect.name.clone(),
            what,
        })
    }

    pub(super) fn every(&mut self) -> Result<usize, FaultText> {
        match self.take("every") {
            None => Ok(1),
            Some(word) => match word.number("a number above 0, such as every=7")? {
                0 => Err(word.wrong("a number above 0, such as every=7")),
                every => Ok(every),
            },
        }
    }
}
