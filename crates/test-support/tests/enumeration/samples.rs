//! Samples of several classes, in turn, and whether anything tells the classes apart.

use std::time::Duration;

use test_support::{Response, ordinary_or_long, tally};

/// Whom an attempt is about, as far as an attacker would like to know.
pub(crate) struct Class<'a> {
    /// What a reader of a failure is told.
    pub(crate) name: &'static str,
    /// What is typed; an answer may repeat it.
    pub(crate) typed: String,
    /// One attempt.
    pub(crate) ask: Box<dyn Fn() -> Response + 'a>,
}

/// How far from a half the share may be in which a sample of a class is slower than one of the first.
///
/// Of 300 samples each chance alone goes that far once in 40,000 comparisons, of 2,000 once in 10 million.
fn tolerated() -> f64 {
    if ordinary_or_long(0, 1) == 0 { 0.10 } else { 0.05 }
}

/// Asks for each class in turn. The first answers are not timed, since they may be those that open connections.
#[track_caller]
pub(crate) fn nothing_tells_them_apart(way: &str, classes: &[Class<'_>]) {
    let rounds = ordinary_or_long(300, 2_000);
    let expected = shape(&classes[0], &(classes[0].ask)());
    let mut times = vec![Vec::with_capacity(rounds); classes.len()];
    for round in 0..=rounds {
        for turn in 0..classes.len() {
            // Nobody always comes after the same one.
            let place = (turn + round * round) % classes.len();
            let class = &classes[place];
            let answer = (class.ask)();
            assert_eq!(shape(class, &answer), expected, "{way}: {}, round {round}", class.name);
            if round > 0 {
                times[place].push(answer.took);
            }
        }
    }
    times.iter_mut().for_each(|times| times.sort_unstable());
    let told: Vec<(f64, String)> = classes
        .iter()
        .zip(&times)
        .map(|(class, own)| {
            let share = share_that_is_slower(own, &times[0]);
            (share, format!("{} {:.2?} ({share:.3})", class.name, own[own.len() / 2]))
        })
        .collect();
    let lines: Vec<&str> = told.iter().map(|(_, line)| line.as_str()).collect();
    tally(
        "enumeration",
        format!(
            "{way}: {rounds} samples of each, answers the same; median (slower than the first): {}",
            lines.join(", ")
        ),
    );
    for (share, line) in &told {
        assert!((share - 0.5).abs() <= tolerated(), "{way}: {line} is told apart by its time: {lines:?}");
    }
}

/// Of all pairs of a sample of each, the share in which the left one is slower; the area under the curve of a classifier.
/// Both are sorted.
fn share_that_is_slower(left: &[Duration], right: &[Duration]) -> f64 {
    let wins = |time: &Duration| {
        let faster = right.partition_point(|other| other < time);
        let ties = right.partition_point(|other| other <= time) - faster;
        faster as f64 + ties as f64 / 2.0
    };
    left.iter().map(wins).sum::<f64>() / (left.len() * right.len()) as f64
}

/// The whole answer, with a blank for what was typed and without the time of day.
fn shape(class: &Class<'_>, answer: &Response) -> (u16, Vec<(String, String)>, String) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "date");
    headers.sort_unstable();
    (answer.status, headers, answer.text().replace(&class.typed, "…"))
}

#[test]
fn a_class_that_is_slower_is_seen() {
    let times = |from: u64| (from..from + 300).map(Duration::from_micros).collect::<Vec<_>>();
    assert!((share_that_is_slower(&times(0), &times(0)) - 0.5).abs() < 1e-9);
    assert!(share_that_is_slower(&times(40), &times(0)) > 0.60);
    assert!(share_that_is_slower(&times(0), &times(40)) < 0.40);
}
