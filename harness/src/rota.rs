//! Whose turn it is: every crash point in every manner, those that were struck least first, and what was struck so far.

use crate::strike::Manner;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use store::crash::Point;

/// What a person or a job does to the program under test, and what passes certain points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// `sync`
    Sync,
    /// `worker`, with jobs to do
    Worker,
    /// `undo`
    Undo,
    /// `backup`
    Backup,
    /// `keys rotate`
    Rotate,
}

impl Act {
    /// Whether this passes `point`.
    pub fn passes(self, point: Point) -> bool {
        use Point as P;
        match point {
            P::TickStored
            | P::TickCommitted
            | P::JobClaimed
            | P::BeforeJobSettled
            | P::JobSettled
            | P::JobTakenUp => self == Self::Worker,
            P::BeforeUndoPlanReady | P::UndoPlanReady | P::UndoBegun => self == Self::Undo,
            P::BackupCopied | P::BackupVerified | P::BackupNamed => self == Self::Backup,
            P::KeyMade | P::KeyNamed | P::SecretsWrapped | P::BeforeKeyDropped | P::KeyDropped => {
                self == Self::Rotate
            }
            P::BeforeAudit | P::Audited | P::BeforeAuditMark | P::AuditMarkKept => true,
            P::RunBegun
            | P::ClaimsRead
            | P::Intended
            | P::LookedUp
            | P::BeforeSend
            | P::Answered
            | P::Recorded
            | P::BeforeRunEnd
            | P::RunEnded => matches!(self, Self::Sync | Self::Worker | Self::Undo),
            P::BeforeSnapshot
            | P::SnapshotStored
            | P::BeforePlanReady
            | P::PlanReady
            | P::RefreshTurn
            | P::RefreshAnswered
            | P::RefreshStored => matches!(self, Self::Sync | Self::Worker),
        }
    }
}

/// Whether a point is passed many times in one run.
pub fn often(point: Point) -> bool {
    use Point as P;
    matches!(
        point,
        P::ClaimsRead
            | P::Intended
            | P::LookedUp
            | P::BeforeSend
            | P::Answered
            | P::Recorded
            | P::BeforeAudit
            | P::Audited
    )
}

/// Requests whose answer is lost at the other side, or which it carries out late; in the directory's words, but the
/// token's.
pub const ROUTES: [&str; 9] = [
    "POST /clients",
    "POST /sites",
    "POST /asset_types",
    "POST /assets",
    "POST /assets/batch",
    "PATCH /assets/{id}",
    "POST /assets/{id}/archive",
    "POST /assets/{id}/restore",
    TOKEN,
];

/// The request for a new token pair.
pub const TOKEN: &str = "POST /ws/oauth/token";

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    tried: u64,
    struck: u64,
}

/// What was struck so far.
#[derive(Debug)]
pub struct Rota {
    points: BTreeMap<(Point, Manner), Count>,
    lost: BTreeMap<&'static str, u64>,
    late: BTreeMap<&'static str, u64>,
}

impl Default for Rota {
    fn default() -> Self {
        let pairs = Point::ALL
            .iter()
            .flat_map(|point| Manner::ALL.map(|manner| ((*point, manner), Count::default())));
        Self {
            points: pairs.collect(),
            lost: ROUTES.into_iter().map(|route| (route, 0)).collect(),
            late: ROUTES
                .into_iter()
                .filter(|route| *route != TOKEN)
                .map(|route| (route, 0))
                .collect(),
        }
    }
}

impl Rota {
    /// The point and manner that were struck least of those that `act` passes, and of these the one that was tried least.
    pub fn next(&mut self, act: Act) -> Option<(Point, Manner)> {
        let (pair, count) = self
            .points
            .iter_mut()
            .filter(|((point, _), _)| act.passes(*point))
            .min_by_key(|(_, count)| (count.struck, count.tried))?;
        count.tried += 1;
        Some(*pair)
    }

    /// How often the point that [`Rota::next`] would give was struck, so that acts can be compared.
    pub fn least(&self, act: Act) -> u64 {
        let of_act = self.points.iter().filter(|((point, _), _)| act.passes(*point));
        of_act.map(|(_, count)| count.struck).min().unwrap_or(u64::MAX)
    }

    /// A point was struck.
    pub fn struck(&mut self, pair: (Point, Manner)) {
        self.points.entry(pair).or_default().struck += 1;
    }

    /// So many answers of a route were lost.
    pub fn lost(&mut self, route: &str, times: u64) {
        if let Some(count) = self.lost.iter_mut().find(|(name, _)| **name == route) {
            *count.1 += times;
        }
    }

    /// So many requests to a route were carried out late.
    pub fn late(&mut self, route: &str, times: u64) {
        if let Some(count) = self.late.iter_mut().find(|(name, _)| **name == route) {
            *count.1 += times;
        }
    }

    /// What was never struck.
    pub fn missing(&self) -> Vec<String> {
        let points = self.points.iter().filter(|(_, count)| count.struck == 0);
        let points = points.map(|((point, manner), _)| format!("{}:{}", point.name(), manner.name()));
        let routes = |what: &'static str, counts: &BTreeMap<&'static str, u64>| {
            let never = counts.iter().filter(|(_, count)| **count == 0);
            never
                .map(|(route, _)| format!("{route}:{what}"))
                .collect::<Vec<_>>()
        };
        points
            .chain(routes("answer lost", &self.lost))
            .chain(routes("late", &self.late))
            .collect()
    }

    /// Everything, for people.
    pub fn table(&self) -> String {
        let mut text = format!("{:28}{:>6}{:>7}{:>7}\n", "crash point", "kill", "error", "delay");
        for point in Point::ALL {
            let _ = write!(text, "{:28}", point.name());
            for (manner, width) in Manner::ALL.into_iter().zip([6, 7, 7]) {
                let struck = self.points.get(&(*point, manner)).map_or(0, |count| count.struck);
                let _ = write!(text, "{struck:>width$}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "{:28}{:>13}{:>7}", "request", "answer lost", "late");
        for route in ROUTES {
            let count = |counts: &BTreeMap<&'static str, u64>| {
                counts.get(route).map_or_else(|| "-".to_owned(), u64::to_string)
            };
            let _ = writeln!(
                text,
                "{route:28}{:>13}{:>7}",
                count(&self.lost),
                count(&self.late)
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_struck_least_is_next_and_what_was_never_is_missing() {
        let mut rota = Rota::default();
        let all = Point::ALL.len() * Manner::ALL.len() + ROUTES.len() * 2 - 1;
        assert_eq!(rota.missing().len(), all);
        let acts = [Act::Sync, Act::Worker, Act::Undo, Act::Backup, Act::Rotate];
        for _ in 0..Point::ALL.len() * Manner::ALL.len() {
            let act = acts.into_iter().min_by_key(|act| rota.least(*act)).unwrap();
            let next = rota.next(act).unwrap();
            rota.struck(next);
        }
        assert_eq!(rota.missing().len(), ROUTES.len() * 2 - 1);
        for route in ROUTES {
            rota.lost(route, 1);
            rota.late(route, 2);
        }
        assert_eq!(rota.missing(), Vec::<String>::new());
    }

    #[test]
    fn one_that_is_not_reached_does_not_keep_the_others_waiting() {
        let mut rota = Rota::default();
        let first = rota.next(Act::Rotate).unwrap();
        assert_ne!(rota.next(Act::Rotate).unwrap(), first);
    }
}
