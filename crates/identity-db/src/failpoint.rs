//! Places where a test may hold the code up, or take a guard of the protocol out, to show what it is there for.
//!
//! They exist with the feature `failpoints` alone, which only `scripts/test` and `scripts/check` turn on.

/// Whether a test wants the guard of this name out (`fail::cfg(name, "return")`); with `wait`, a place where it
/// may hold the code up (`pause`, a callback). Without the feature they are the constant `false` and nothing.
#[cfg(feature = "failpoints")]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::fail::eval($name, |_| ()).is_some()
    };
    (wait $name:literal) => {{
        let _ = $crate::fail::eval($name, |_| ());
    }};
}

/// Without the feature `failpoints`: no, and nothing.
#[cfg(not(feature = "failpoints"))]
#[macro_export]
macro_rules! failpoint {
    ($name:literal) => {
        $crate::failpoint::no()
    };
    (wait $name:literal) => {};
}

/// What a failpoint says where there is none.
#[cfg(not(feature = "failpoints"))]
#[doc(hidden)]
#[inline(always)]
#[must_use]
pub const fn no() -> bool {
    false
}
