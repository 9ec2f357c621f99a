//! What must be so of every input: tried on many, which are counted, and shown in their smallest form when it is not.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::hostile::hostile;
use crate::tally::{ordinary_or_long, tally};

/// Inputs of one property.
const ORDINARY: usize = 4_000;
const LONG: usize = 200_000;

/// Tries a property on many inputs of `parser`, the same ones each time, so that nobody's change fails by another's luck;
/// under `scripts/test --long` on others each time. What it finds becomes a test with a name of its own.
///
/// # Panics
/// When an input does not have it.
#[track_caller]
pub fn for_all<S: Strategy>(
    parser: &str,
    inputs: S,
    property: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let cases = ordinary_or_long(ORDINARY, LONG);
    let config = Config {
        cases: u32::try_from(cases).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = if cases == ORDINARY {
        TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    } else {
        TestRunner::new(config)
    };
    if let Err(found) = runner.run(&inputs, property) {
        panic!("{parser}: {found}");
    }
    tally("Bad inputs", format_args!("parser, {parser}: {cases} tried"));
}

/// Any text: of all characters, of those that mean something to some parser, and what strangers are known to write.
pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,80}",
        "[\\x00-\\x20/\\\\:;=,.@%&?#+\"'<>\\[\\]{}a-f0-9\u{a0}\u{202e}\u{2028}\u{ff0f}\u{feff}é]{0,60}",
        select(hostile()),
    ]
}

/// One of these texts with a few characters changed, taken out, doubled or put in: what passes all but one of the rules.
pub fn almost(examples: &'static [&'static str]) -> impl Strategy<Value = String> {
    let change = (any::<Index>(), odd_character(), 0..5_u8);
    (select(examples), prop::collection::vec(change, 0..4)).prop_map(|(example, changes)| {
        let mut text: Vec<char> = example.chars().collect();
        for (index, odd, kind) in changes {
            let at = index.index(text.len() + 1);
            match kind {
                0 => text.insert(at, odd),
                1 if at < text.len() => text[at] = odd,
                2 if at < text.len() => drop(text.remove(at)),
                3 => text.truncate(at),
                _ => text.extend_from_within(at..),
            }
        }
        text.into_iter().collect()
    })
}

/// Either of the two.
pub fn any_or_almost(examples: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![1 => any_text(), 3 => almost(examples)]
}

/// Any JSON that has these members, of whatever types.
pub fn any_object(members: &'static [&'static str]) -> impl Strategy<Value = serde_json::Value> {
    let name = prop_oneof![9 => select(members).prop_map(str::to_owned), 1 => any_text()];
    prop::collection::vec((name, any_json()), 0..8)
        .prop_map(|members| serde_json::Value::Object(members.into_iter().collect()))
}

/// Any JSON.
pub fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any_text().prop_map(Value::String),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(any_text(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn odd_character() -> impl Strategy<Value = char> {
    let odd: Vec<char> =
        "\0\t\n\r\u{b} !\"#%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~\u{7f}\u{85}\u{a0}é٤\u{200b}\u{2028}\
                          \u{202e}\u{feff}\u{ff0f}\u{fffd}İſß𝟙\u{10ffff}"
            .chars()
            .collect();
    prop_oneof![4 => select(odd), 1 => any::<char>()]
}
