//! The ways on from a page of a list.

/// Where the list goes on, and where it begins.
#[derive(Debug, Default)]
pub struct Pages {
    /// The address of the first page, unless this is it.
    pub first: Option<String>,
    /// The address of the page after this one.
    pub next: Option<String>,
}
