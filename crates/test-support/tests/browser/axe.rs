//! axe-core, which finds what keeps people out who read with their ears or by a keyboard, or who see little.

use serde_json::Value;
use test_support::Browser;

const AXE: &str = include_str!("axe/axe.min.js");

const RUN: &str = "const done = arguments[arguments.length - 1];
    const fault = ({ id, impact, help, nodes }) => ({ id, impact, help, at: nodes.map((node) => node.html + ' ' + node.failureSummary) });
    axe.run(document, { resultTypes: ['violations'] })
       .then(({ violations, passes }) => done({ passes: passes.length, faults: violations.map(fault) }), (error) => done(String(error)));";

/// Faults of the page that keep people out: those of the impacts that axe calls serious and critical.
#[track_caller]
pub(crate) fn serious_faults(browser: &Browser) -> Vec<Value> {
    browser.evaluate(AXE, &[]);
    let found = browser.evaluate_async(RUN, &[]);
    assert!(found["passes"].as_u64() > Some(5), "axe has looked at nothing: {found}");
    let Value::Array(faults) = found["faults"].clone() else { panic!("{found}") };
    faults.into_iter().filter(|fault| fault["impact"] == "serious" || fault["impact"] == "critical").collect()
}
