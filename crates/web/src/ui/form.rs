//! Fields of forms. An error stands at its field, and what was typed stays.

use engine::SettingProblem;
use secrecy::SecretString;
use serde::Deserialize;

/// An id for what people call `name`.
pub fn id_of(name: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    format!("value-{}", name.chars().map(word).collect::<String>())
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A line of text; the word is the HTML input type.
    Line(&'static str),
    /// Several lines.
    Text,
    /// A choice.
    Choice(Vec<Choice>),
    /// A choice where each value says what it means.
    Radio(Vec<Choice>),
    /// Yes or no.
    Tick,
}

/// One of the values of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What people see.
    pub label: String,
    /// What it means; empty where the label says it.
    pub says: String,
}

/// A field of a form, drawn by `parts::field`.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name it is sent by.
    pub name: String,
    /// What people see.
    pub label: String,
    /// What to enter; may be empty.
    pub help: String,
    /// What it holds.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// What it takes.
    pub input: Input,
    /// Whether it must be given.
    pub required: bool,
    /// Whether a field that need not be given says so.
    pub optional_said: bool,
    /// The browser's word for what belongs there.
    pub autocomplete: &'static str,
    /// An example.
    pub placeholder: String,
}

/// What a form sent. It may hold secrets, and is not shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Sent(Vec<(String, String)>);

impl Sent {
    /// Whether nothing was sent: the form was not filled in yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a field holds.
    pub fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Whether a field holds anything; whether a box is ticked.
    pub fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Everything that was sent by that name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A secret out of a field.
    pub fn secret(&self, name: &str) -> SecretString {
        SecretString::from(self.get(name))
    }
}

/// The two fields of a new password.
pub fn new_password(name: &str, again: &str) -> [Field; 2] {
    [
        Field::password(name, "New password")
            .help(&format!(
                "At least {} characters. Four words in a row do well",
                engine::SHORTEST_PASSWORD
            ))
            .autocomplete("new-password")
            .required(),
        Field::password(again, "The same once more")
            .autocomplete("new-password")
            .required(),
    ]
}

impl Field {
    fn new(name: &str, label: &str, input: Input) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            help: String::new(),
            value: String::new(),
            error: None,
            input,
            required: false,
            optional_said: true,
            autocomplete: "off",
            placeholder: String::new(),
        }
    }

    /// A line of text.
    pub fn text(name: &str, label: &str) -> Self {
        Self::new(name, label, Input::Line("text"))
    }

    /// A password or another secret: what it held is never shown again.
    pub fn password(name: &str, label: &str) -> Self {
        Self::new(name, label, Input::Line("password"))
    }

    /// A choice of `(value, label)`.
    pub fn choice<'a>(
        name: &str,
        label: &str,
        choices: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, label)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            says: String::new(),
        });
        Self::new(name, label, Input::Choice(choices.collect()))
    }

    /// A choice of `(value, label, what it means)`, all of which are seen at once.
    pub fn radio<'a>(
        name: &str,
        label: &str,
        choices: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
    ) -> Self {
        let choices = choices.into_iter().map(|(value, label, says)| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            says: says.to_owned(),
        });
        Self::new(name, label, Input::Radio(choices.collect()))
    }

    /// Yes or no.
    pub fn tick(name: &str, label: &str, ticked: bool) -> Self {
        Self::new(name, label, Input::Tick).value(if ticked { "on" } else { "" })
    }

    /// The same with help.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        help.clone_into(&mut self.help);
        self
    }

    /// The same holding something.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        value.clone_into(&mut self.value);
        self
    }

    /// The same with something wrong.
    #[must_use]
    pub fn error(mut self, error: &str) -> Self {
        self.error = Some(error.to_owned());
        self
    }

    /// The same, to be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same with the browser's word for what belongs there.
    #[must_use]
    pub fn autocomplete(mut self, word: &'static str) -> Self {
        self.autocomplete = word;
        self
    }

    /// The same with an example.
    #[must_use]
    pub fn placeholder(mut self, example: &str) -> Self {
        example.clone_into(&mut self.placeholder);
        self
    }

    /// The same with its problem out of a list, if there is one.
    #[must_use]
    pub fn problem_of(mut self, key: &str, problems: &[SettingProblem]) -> Self {
        if let Some(problem) = problems.iter().find(|problem| problem.key == key) {
            self.error = Some(problem.message.clone());
        }
        self
    }

    /// The id of its input.
    pub fn id(&self) -> String {
        format!("field-{}", self.name.replace('.', "-"))
    }

    /// The ids of what describes it.
    pub fn described_by(&self) -> String {
        let mut ids = Vec::new();
        if self.error.is_some() {
            ids.push(format!("{}-error", self.id()));
        }
        if !self.help.is_empty() {
            ids.push(format!("{}-help", self.id()));
        }
        ids.join(" ")
    }

    /// What a line's input may show: a secret is never sent back.
    pub fn shown(&self) -> &str {
        if self.input == Input::Line("password") {
            ""
        } else {
            &self.value
        }
    }
}
