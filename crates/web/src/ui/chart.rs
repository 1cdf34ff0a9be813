//! Bars side by side, one a day: drawn here as SVG, with the table they are drawn from behind them.

use crate::ui::time::count;
use jiff::civil::Date;

/// Width of a day's place, of which the bar takes a part.
const PLACE: u32 = 10;
/// Height of the tallest bar.
const HEIGHT: u64 = 100;

/// A chart of two numbers a day, of which the second stands on the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// What it shows.
    pub heading: &'static str,
    /// What the first number counts.
    pub first: &'static str,
    /// What the second one counts.
    pub second: &'static str,
    /// The days, the newest last.
    pub bars: Vec<Bar>,
    /// The number the tallest bar may reach.
    pub top: String,
    /// The drawing's width.
    pub width: u32,
    /// The same in a sentence.
    pub said: String,
}

/// A day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The day, as people write it.
    pub day: String,
    /// The first number.
    pub first: String,
    /// The second one.
    pub second: String,
    /// Whether there is anything to draw.
    pub is_empty: bool,
    /// Where its place begins.
    pub x: u32,
    /// Top and height of the first bar.
    pub lower: (u64, u64),
    /// Top and height of the one upon it.
    pub upper: (u64, u64),
}

impl Days {
    /// A chart of `days`, the newest last; `None` where there is nothing to see.
    pub fn new(
        heading: &'static str,
        (first, second): (&'static str, &'static str),
        days: &[(Date, u64, u64)],
    ) -> Option<Self> {
        let most = days
            .iter()
            .map(|(_, a, b)| a + b)
            .max()
            .filter(|most| *most > 0)?;
        let top = rounded_up(most);
        let all = |of: fn(&(Date, u64, u64)) -> u64| days.iter().map(of).sum::<u64>();
        let (firsts, seconds) = (all(|day| day.1), all(|day| day.2));
        let mut said = format!("{} {first} in {} days", count(firsts), days.len());
        if seconds > 0 {
            said.push_str(&format!(", {} {second}", count(seconds)));
        }
        let bars = days.iter().zip(0..).map(|((day, a, b), place)| {
            let (lower, upper) = (tall(*a, top), tall(*b, top));
            Bar {
                day: day.strftime("%-d %B").to_string(),
                first: count(a),
                second: count(b),
                is_empty: a + b == 0,
                x: place * PLACE,
                lower: (HEIGHT.saturating_sub(lower), lower),
                upper: (HEIGHT.saturating_sub(lower + upper), upper),
            }
        });
        Some(Self {
            heading,
            first,
            second,
            bars: bars.collect(),
            top: count(top),
            width: u32::try_from(days.len()).unwrap_or(1) * PLACE,
            said,
        })
    }

    /// Whether there is anything of the second sort.
    pub fn has_second(&self) -> bool {
        self.bars.iter().any(|bar| bar.upper.1 > 0)
    }
}

/// How tall a number stands below `top`: what is there is seen, however small it is.
fn tall(number: u64, top: u64) -> u64 {
    match number {
        0 => 0,
        _ => (number.saturating_mul(HEIGHT) / top.max(1)).max(1),
    }
}

/// The next number people would end an axis with: 1, 2 or 5 and zeros behind it.
fn rounded_up(most: u64) -> u64 {
    let mut unit: u64 = 1;
    loop {
        for step in [1, 2, 5] {
            let end = unit.saturating_mul(step);
            if end >= most {
                return end;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i8, first: u64, second: u64) -> (Date, u64, u64) {
        (jiff::civil::date(2026, 11, day), first, second)
    }

    #[test]
    fn bars_stand_on_each_other_below_a_round_number() {
        let days = [day(1, 0, 0), day(2, 60, 20), day(3, 1, 0)];
        let chart = Days::new("Changes", ("written", "not written"), &days).unwrap();
        assert_eq!((chart.top.as_str(), chart.width), ("100", 30));
        assert_eq!(chart.said, "61 written in 3 days, 20 not written");
        assert!(chart.bars[0].is_empty && chart.has_second());
        assert_eq!((chart.bars[1].lower, chart.bars[1].upper), ((40, 60), (20, 20)));
        assert_eq!((chart.bars[1].day.as_str(), chart.bars[1].x), ("2 November", 10));
        assert_eq!(chart.bars[2].lower, (99, 1));
    }

    #[test]
    fn nothing_is_no_chart_and_the_smallest_bar_is_seen() {
        assert_eq!(Days::new("Changes", ("written", "not"), &[day(1, 0, 0)]), None);
        assert_eq!(Days::new("Changes", ("written", "not"), &[]), None);
        assert_eq!(tall(1, 1_000_000), 1);
        for (most, end) in [
            (1, 1),
            (3, 5),
            (6, 10),
            (11, 20),
            (201, 500),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(rounded_up(most), end, "{most}");
        }
    }
}
