//! Rounds, medians, spreads, and the line that is printed.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::failure::Failure;

/// Rounds that count.
pub const ROUNDS: usize = 5;
/// What a round lasts at least.
pub const ROUND_SECONDS: u64 = 5;

/// One figure, measured several times.
#[derive(Clone, Debug)]
pub struct Series(Vec<f64>);

impl Series {
    /// A figure that is not measured but set.
    pub fn fixed(value: f64) -> Self {
        Self(vec![value])
    }

    /// Of an odd number of rounds the middle one.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    fn bounds(&self) -> (f64, f64) {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        (least, self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Of what took so long each, the time in ms that all but a hundredth kept within.
pub fn p99(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    let place = (took.len() * 99).div_ceil(100).saturating_sub(1);
    took.get(place).map_or(f64::NAN, |took| milliseconds(*took))
}

/// As a figure.
pub fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// Measures limit and value in turns, after a warm-up of each, so that both meet the same machine.
///
/// # Errors
/// The first failure of either.
pub fn alternate(
    mut limit: impl FnMut() -> Result<f64, Failure>,
    mut value: impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<(Series, Series), Failure> {
    limit()?;
    value(0)?;
    let (mut limits, mut values) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        limits.push(limit()?);
        values.push(value(round)?);
    }
    Ok((Series(limits), Series(values)))
}

/// Which side of the ratio is good.
#[derive(Clone, Copy, Debug)]
pub enum Want {
    /// At least this share of the limit.
    AtLeast(f64),
    /// At most this share of the limit.
    AtMost(f64),
}

/// A measured line.
pub struct Outcome {
    /// The line's name.
    pub name: &'static str,
    /// Of value and limit alike.
    pub unit: &'static str,
    /// What Usher does.
    pub value: Series,
    /// What the parts below it do.
    pub limit: Series,
    /// The share that is asked for.
    pub want: Want,
}

impl Outcome {
    fn ratio(&self) -> f64 {
        self.value.median() / self.limit.median()
    }

    /// Whether the wanted share was reached.
    pub fn reached(&self) -> bool {
        match self.want {
            Want::AtLeast(share) => self.ratio() >= share,
            Want::AtMost(share) => self.ratio() <= share,
        }
    }

    /// Least and most of the rounds.
    pub fn spread(&self) -> String {
        let ((least, most), (limit_least, limit_most)) = (self.value.bounds(), self.limit.bounds());
        format!(
            "{least:.1} to {most:.1} {}, limit {limit_least:.1} to {limit_most:.1}",
            self.unit
        )
    }
}

impl Display for Outcome {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, unit, .. } = self;
        let (value, limit, ratio) = (self.value.median(), self.limit.median(), self.ratio());
        let (sign, share) = match self.want {
            Want::AtLeast(share) => (">=", share),
            Want::AtMost(share) => ("<=", share),
        };
        let verdict = if self.reached() { "ok" } else { "SHORT" };
        write!(
            out,
            "bench {name} {value:.1} {unit} limit={limit:.1} ratio={ratio:.3} want{sign}{share:.2} {verdict}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(values: [f64; 5], want: Want) -> Outcome {
        Outcome {
            name: "list_page_c16",
            unit: "pages/s",
            value: values.into_iter().collect(),
            limit: Series::fixed(2000.0),
            want,
        }
    }

    #[test]
    fn all_but_a_hundredth() {
        let took = |count: u64| (1..=count).rev().map(Duration::from_millis).collect();
        assert_eq!(p99(took(200)), 198.0);
        assert_eq!(p99(took(3)), 3.0);
        assert!(p99(Vec::new()).is_nan());
    }

    #[test]
    fn a_line_says_value_limit_ratio_and_verdict() {
        let reached = outcome([512.0, 480.0, 620.0, 500.04, 470.0], Want::AtLeast(0.25));
        assert_eq!(
            reached.to_string(),
            "bench list_page_c16 500.0 pages/s limit=2000.0 ratio=0.250 want>=0.25 ok"
        );
        assert_eq!(reached.spread(), "470.0 to 620.0 pages/s, limit 2000.0 to 2000.0");
        let short = outcome([400.0; 5], Want::AtLeast(0.25));
        assert_eq!(
            short.to_string(),
            "bench list_page_c16 400.0 pages/s limit=2000.0 ratio=0.200 want>=0.25 SHORT"
        );
        assert!(outcome([400.0; 5], Want::AtMost(0.25)).reached());
    }

    #[test]
    fn limit_and_value_take_turns_after_a_warm_up() {
        let turns = std::cell::RefCell::new(String::new());
        let (limits, values) = alternate(
            || {
                turns.borrow_mut().push('l');
                Ok(1.0)
            },
            |round| {
                turns.borrow_mut().push_str(&round.to_string());
                Ok(2.0)
            },
        )
        .unwrap();
        assert_eq!(turns.into_inner(), "l0l1l2l3l4l5");
        assert_eq!((limits.0.len(), values.0.len()), (ROUNDS, ROUNDS));
    }
}
