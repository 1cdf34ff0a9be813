//! The device filter `df`: conditions joined by AND; no OR, no names.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Refusal;
use crate::ninjaone::estate::Estate;
use crate::ninjaone::estate::device::{Approval, Device};

/// A parsed filter.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter(Vec<Condition>);

#[derive(Debug, PartialEq)]
enum Condition {
    /// A number that must (not) be among some.
    Number(Key, bool, Vec<u32>),
    Class(bool, Vec<String>),
    Status(bool, Vec<String>),
    Offline(bool),
    Created(Comparison, i64),
    Group(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Key {
    Organization,
    Location,
    Role,
    Id,
    Tag,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    On,
    Before,
    After,
}

impl Filter {
    /// # Errors
    /// 400 when the text is no filter.
    pub fn of(text: Option<&str>) -> Result<Self, Refusal> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        Parser {
            tokens: tokens(text),
            at: 0,
        }
        .filter()
        .map_err(|problem| Refusal::bad_request(format!("Invalid device filter '{text}': {problem}")))
    }

    /// Whether `device` passes. Without a condition on the status only approved devices do.
    pub fn passes(&self, device: &Device, estate: &Estate) -> bool {
        let status_asked = self
            .0
            .iter()
            .any(|condition| matches!(condition, Condition::Status(..)));
        (status_asked || device.approval == Approval::Approved)
            && self.0.iter().all(|condition| condition.holds(device, estate))
    }
}

impl Condition {
    fn holds(&self, device: &Device, estate: &Estate) -> bool {
        match self {
            Condition::Number(key, wanted, numbers) => {
                let has = match key {
                    Key::Organization => numbers.contains(&device.organization),
                    Key::Location => numbers.contains(&device.location),
                    Key::Role => numbers.contains(&device.role),
                    Key::Id => numbers.contains(&device.id),
                    Key::Tag => device.tags.iter().any(|tag| numbers.contains(tag)),
                };
                has == *wanted
            }
            Condition::Class(wanted, classes) => {
                classes.iter().any(|class| class == device.kind.node_class()) == *wanted
            }
            Condition::Status(wanted, names) => {
                names.iter().any(|name| name == device.approval.name()) == *wanted
            }
            Condition::Offline(offline) => device.offline == *offline,
            Condition::Created(comparison, millis) => match comparison {
                Comparison::On => device.created.div_euclid(86_400_000) == millis.div_euclid(86_400_000),
                Comparison::Before => device.created < *millis,
                Comparison::After => device.created > *millis,
            },
            Condition::Group(id) => estate
                .groups()
                .iter()
                .find(|group| group.id == *id)
                .and_then(|group| Filter::of(Some(group.filter)).ok())
                .is_some_and(|filter| filter.passes(device, estate)),
        }
    }
}

/// Words, numbers, operators and brackets.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        let class = |c: char| match c {
            '(' | ')' | ',' => 0,
            '=' | '!' | '<' | '>' | '&' => 1,
            c if c.is_whitespace() => 2,
            _ => 3,
        };
        let kind = class(first);
        let mut token = String::new();
        while let Some(next) = chars.next_if(|&c| class(c) == kind) {
            token.push(next);
            if kind == 0 {
                break;
            }
        }
        if kind != 2 {
            tokens.push(token);
        }
    }
    tokens
}

struct Parser {
    tokens: Vec<String>,
    at: usize,
}

impl Parser {
    fn filter(mut self) -> Result<Filter, String> {
        let mut conditions = vec![self.condition()?];
        while let Some(word) = self.next() {
            if !matches!(word.as_str(), "AND" | "and" | "&&") {
                return Err(format!("unexpected '{word}', conditions are joined by AND"));
            }
            conditions.push(self.condition()?);
        }
        Ok(Filter(conditions))
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn expect(&mut self, what: &str) -> Result<String, String> {
        self.next().ok_or_else(|| format!("{what} expected at the end"))
    }

    fn condition(&mut self) -> Result<Condition, String> {
        let key = self.expect("condition")?;
        let number_key = match key.as_str() {
            "online" => return Ok(Condition::Offline(false)),
            "offline" => return Ok(Condition::Offline(true)),
            "group" => return Ok(Condition::Group(number(&self.expect("group id")?)?)),
            "created" => return self.created(),
            "class" => {
                let (wanted, values) = self.values()?;
                return Ok(Condition::Class(wanted, values));
            }
            "status" => {
                let (wanted, values) = self.values()?;
                return match values
                    .iter()
                    .find(|value| !matches!(value.as_str(), "PENDING" | "APPROVED"))
                {
                    Some(unknown) => Err(format!("unknown status '{unknown}'")),
                    None => Ok(Condition::Status(wanted, values)),
                };
            }
            "org" | "organization" => Key::Organization,
            "loc" | "location" => Key::Location,
            "role" => Key::Role,
            "id" => Key::Id,
            "tagId" => Key::Tag,
            unknown => return Err(format!("unknown key '{unknown}'")),
        };
        let (wanted, values) = self.values()?;
        let numbers = values
            .iter()
            .map(|value| number(value))
            .collect::<Result<_, _>>()?;
        Ok(Condition::Number(number_key, wanted, numbers))
    }

    /// An operator and its one or many values: whether they are wanted, and which.
    fn values(&mut self) -> Result<(bool, Vec<String>), String> {
        let operator = self.expect("operator")?;
        let many = match operator.as_str() {
            "=" | "eq" => return Ok((true, vec![self.expect("value")?])),
            "!=" | "neq" | "<>" => return Ok((false, vec![self.expect("value")?])),
            "in" => true,
            "nin" | "notin" => false,
            "!" if self.next().as_deref() == Some("in") => false,
            other => return Err(format!("unknown operator '{other}'")),
        };
        if self.expect("(")? != "(" {
            return Err("( expected after in".to_owned());
        }
        let mut values = Vec::new();
        loop {
            values.push(self.expect("value")?);
            match self.expect(")")?.as_str() {
                "," => {}
                ")" => return Ok((many, values)),
                other => return Err(format!("unexpected '{other}' in a list")),
            }
        }
    }

    fn created(&mut self) -> Result<Condition, String> {
        let comparison = match self.expect("operator")?.as_str() {
            "=" | "eq" => Comparison::On,
            "<" | "before" => Comparison::Before,
            ">" | "after" => Comparison::After,
            other => return Err(format!("unknown operator '{other}' for created")),
        };
        let text = self.expect("date")?;
        moment(&text)
            .map(|millis| Condition::Created(comparison, millis))
            .ok_or(format!("no date: '{text}'"))
    }
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a number: '{text}'"))
}

/// `yyyyMMdd`, `yyyy-MM-dd` or ISO 8601 with an offset, in milliseconds.
pub(super) fn moment(text: &str) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let date = Date::strptime("%Y-%m-%d", text)
        .or_else(|_| Date::strptime("%Y%m%d", text))
        .ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ninjaone::estate::{EPOCH_MS, Plan};

    fn count(estate: &Estate, text: &str) -> usize {
        let filter = Filter::of(Some(text)).unwrap_or_else(|refusal| panic!("{text}: {}", refusal.body("")));
        estate
            .devices()
            .iter()
            .filter(|device| filter.passes(device, estate))
            .count()
    }

    #[test]
    fn every_documented_form_is_understood() {
        let estate = Estate::generate(
            &Plan {
                devices: 1000,
                organizations: None,
                seed: 1,
                same_names: 0,
            },
            EPOCH_MS,
        );
        let org = estate.organizations()[0].id;
        let other = estate.organizations()[1].id;
        let all = count(&estate, "id != 0");
        assert_eq!(all, 1000);
        let one = count(&estate, &format!("org = {org}"));
        assert!(one > 0);
        for same in [
            "org={}",
            "organization eq {}",
            "org in ({})",
            "org in({},999999)",
            "org  =  {}",
        ] {
            assert_eq!(
                count(&estate, &same.replace("{}", &org.to_string())),
                one,
                "{same}"
            );
        }
        for rest in [
            "org != {}",
            "org neq {}",
            "org <> {}",
            "org nin ({})",
            "org notin ({})",
            "org !in ({})",
        ] {
            assert_eq!(
                count(&estate, &rest.replace("{}", &org.to_string())),
                all - one,
                "{rest}"
            );
        }
        assert_eq!(
            count(&estate, &format!("org in ({org},{other})")),
            one + count(&estate, &format!("org={other}"))
        );
        let (on, off) = (count(&estate, "online"), count(&estate, "offline"));
        assert_eq!(on + off, all);
        let servers = count(&estate, "class = WINDOWS_SERVER");
        assert!(servers > 50);
        let stations = count(&estate, "class in (WINDOWS_SERVER,WINDOWS_WORKSTATION)");
        assert_eq!(stations, servers + count(&estate, "class eq WINDOWS_WORKSTATION"));
        assert_eq!(
            count(&estate, "class eq WINDOWS_SERVER AND offline")
                + count(&estate, "class eq WINDOWS_SERVER && online"),
            servers
        );
        assert_eq!(count(&estate, "class = windows_server"), 0);
        assert_eq!(count(&estate, "status eq PENDING"), 10);
        assert_eq!(count(&estate, "status in (PENDING,APPROVED)"), 1010);
        let late = count(&estate, "created after 2026-01-01");
        assert!(late > 0);
        assert_eq!(late + count(&estate, "created < 2026-01-01T00:00:00.000Z"), all);
        assert_eq!(late, count(&estate, "created > 20260101"));
        assert_eq!(count(&estate, "group 2"), servers);
        assert_eq!(
            count(&estate, "tagId in (1,2,3,4)") + count(&estate, "tagId notin (1,2,3,4)"),
            all
        );
    }

    #[test]
    fn nonsense_is_refused_with_the_place() {
        for (text, problem) in [
            ("name = x", "unknown key 'name'"),
            ("org = a", "not a number: 'a'"),
            ("org 5", "unknown operator '5'"),
            ("org in (1", ") expected at the end"),
            ("org = 1 OR org = 2", "unexpected 'OR'"),
            ("status = DECOMMISSIONED", "unknown status"),
            ("created after yesterday", "no date"),
            ("", "condition expected"),
        ] {
            let body = Filter::of(Some(text)).unwrap_err().body("");
            assert!(body.contains(problem), "{text}: {body}");
        }
    }
}
