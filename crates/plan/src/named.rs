//! Records of the destination that are found by their name: asset types and sites.

use crate::fold::fold;
use model::{RecordId, SourceId};
use std::collections::{BTreeMap, BTreeSet};

/// What a role or a location is in the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// A record that exists.
    Existing(RecordId),
    /// The record that this plan creates for this source record.
    Of(SourceId),
    /// Nothing, until a person decided.
    Nothing,
}

impl Settled {
    /// The same as what an asset is put into.
    pub fn target<T>(
        self,
        existing: impl FnOnce(RecordId) -> T,
        of: impl FnOnce(SourceId) -> T,
    ) -> Option<T> {
        match self {
            Self::Existing(record) => Some(existing(record)),
            Self::Of(source) => Some(of(source)),
            Self::Nothing => None,
        }
    }
}

/// What has to be said or done about it, once per plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// Nothing.
    None,
    /// It is found by name and to be remembered.
    Link(RecordId),
    /// It is to be created.
    Create,
    /// It was linked to a record that is gone.
    Gone(RecordId),
    /// Several records have its name.
    Several(usize),
}

/// The records of one kind, and what was settled so far.
#[derive(Debug, Default)]
pub(crate) struct NamedRecords {
    existing: BTreeSet<RecordId>,
    by_name: BTreeMap<String, Vec<RecordId>>,
    linked: BTreeSet<RecordId>,
    created: BTreeMap<String, SourceId>,
    settled: BTreeMap<SourceId, Settled>,
}

impl NamedRecords {
    /// Records (id, name) and the ids of those that are linked to some source record.
    pub fn new<'a>(
        records: impl Iterator<Item = (&'a RecordId, &'a str)>,
        linked: impl Iterator<Item = &'a RecordId>,
    ) -> Self {
        let mut all = Self {
            linked: linked.cloned().collect(),
            ..Self::default()
        };
        for (id, name) in records {
            all.existing.insert(id.clone());
            all.by_name.entry(fold(name)).or_default().push(id.clone());
        }
        for ids in all.by_name.values_mut() {
            ids.sort_unstable();
            ids.dedup();
        }
        all
    }

    /// Settles what the source record is: by its link, by its name, by an earlier creation in this plan, or new.
    ///
    /// A record found by name is linked only if no other source record is: two roles may share one type, and the
    /// second finds it by name every time.
    pub fn settle(&mut self, source: &SourceId, name: &str, link: Option<&RecordId>) -> (Settled, News) {
        if let Some(settled) = self.settled.get(source) {
            return (settled.clone(), News::None);
        }
        let name = fold(name);
        let (settled, news) = self.find(source, &name, link);
        match &news {
            News::Link(record) => {
                self.linked.insert(record.clone());
            }
            News::Create => {
                self.created.insert(name, source.clone());
            }
            News::None | News::Gone(_) | News::Several(_) => {}
        }
        self.settled.insert(source.clone(), settled.clone());
        (settled, news)
    }

    /// What the source record would be, with nothing settled: for those that nothing is done for.
    pub fn seen(&self, source: &SourceId, name: &str, link: Option<&RecordId>) -> Settled {
        match self.settled.get(source) {
            Some(settled) => settled.clone(),
            None => self.find(source, &fold(name), link).0,
        }
    }

    fn find(&self, source: &SourceId, name: &str, link: Option<&RecordId>) -> (Settled, News) {
        if let Some(link) = link {
            return if self.existing.contains(link) {
                (Settled::Existing(link.clone()), News::None)
            } else {
                (Settled::Nothing, News::Gone(link.clone()))
            };
        }
        if name.is_empty() {
            return (Settled::Nothing, News::None);
        }
        match self.by_name.get(name).map(Vec::as_slice) {
            Some([only]) => {
                let news = if self.linked.contains(only) {
                    News::None
                } else {
                    News::Link(only.clone())
                };
                (Settled::Existing(only.clone()), news)
            }
            Some(several) => (Settled::Nothing, News::Several(several.len())),
            None => match self.created.get(name) {
                Some(first) => (Settled::Of(first.clone()), News::None),
                None => (Settled::Of(source.clone()), News::Create),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> NamedRecords {
        let ids: Vec<(RecordId, &str)> = vec![
            ("1".into(), "Windows Server"),
            ("2".into(), "Printer"),
            ("3".into(), "PRINTER"),
            ("4".into(), "Switch"),
        ];
        let linked = [RecordId::from("4")];
        NamedRecords::new(ids.iter().map(|(id, name)| (id, *name)), linked.iter())
    }

    #[track_caller]
    fn check(
        records: &mut NamedRecords,
        source: &str,
        name: &str,
        link: Option<&str>,
        expected: (Settled, News),
    ) {
        let link = link.map(RecordId::from);
        assert_eq!(records.settle(&source.into(), name, link.as_ref()), expected);
    }

    #[test]
    fn links_come_before_names_and_names_before_creation() {
        let all = &mut records();
        check(
            all,
            "a",
            "whatever",
            Some("1"),
            (Settled::Existing("1".into()), News::None),
        );
        check(
            all,
            "b",
            "windows  server",
            None,
            (Settled::Existing("1".into()), News::Link("1".into())),
        );
        check(all, "c", "printer", None, (Settled::Nothing, News::Several(2)));
        check(
            all,
            "d",
            "Switch",
            None,
            (Settled::Existing("4".into()), News::None),
        );
        check(
            all,
            "e",
            "Laptop",
            Some("9"),
            (Settled::Nothing, News::Gone("9".into())),
        );
        check(all, "f", "Laptop", None, (Settled::Of("f".into()), News::Create));
        check(all, "g", "LAPTOP", None, (Settled::Of("f".into()), News::None));
        check(all, "h", " ", None, (Settled::Nothing, News::None));
    }

    #[test]
    fn what_is_only_seen_is_news_to_whoever_settles_it() {
        let all = &mut records();
        let (laptop, server): (SourceId, SourceId) = ("f".into(), "a".into());
        assert_eq!(all.seen(&laptop, "Laptop", None), Settled::Of("f".into()));
        assert_eq!(
            all.seen(&server, "Windows Server", None),
            Settled::Existing("1".into())
        );
        check(all, "g", "LAPTOP", None, (Settled::Of("g".into()), News::Create));
        check(
            all,
            "a",
            "Windows Server",
            None,
            (Settled::Existing("1".into()), News::Link("1".into())),
        );
        assert_eq!(all.seen(&laptop, "Laptop", None), Settled::Of("g".into()));
    }

    #[test]
    fn news_are_told_once() {
        let all = &mut records();
        check(all, "c", "printer", None, (Settled::Nothing, News::Several(2)));
        check(all, "c", "printer", None, (Settled::Nothing, News::None));
        check(all, "f", "Laptop", None, (Settled::Of("f".into()), News::Create));
        check(all, "f", "Laptop", None, (Settled::Of("f".into()), News::None));
    }
}
