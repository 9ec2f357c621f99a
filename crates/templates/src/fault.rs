//! What is wrong with a form that was sent.

/// Why a form is shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field that is meant; empty for the form as a whole.
    pub field: &'static str,
    /// What to tell the person.
    pub text: String,
}

impl Fault {
    /// What is wrong with a field, if anything is.
    #[must_use]
    pub fn of<'a>(fault: Option<&'a Self>, field: &str) -> Option<&'a str> {
        fault.filter(|fault| fault.field == field).map(|fault| fault.text.as_str())
    }

    /// What is wrong with the form as a whole.
    #[must_use]
    pub fn of_form(fault: Option<&Self>) -> Option<&str> {
        Self::of(fault, "")
    }
}
