//! What strangers write where their name, their device or their search is asked for.

/// Markup that breaks out of text, attributes, scripts, styles, comments and addresses; templates of other languages, SQL and
/// shells; line ends and control characters; what turns the direction of writing, hides, or is very long. Never NUL, which
/// Postgres keeps in no text.
#[must_use]
pub fn hostile() -> Vec<String> {
    let mut all: Vec<String> = include_str!("hostile.txt").lines().map(str::to_owned).collect();
    all.extend([
        "a".repeat(400),
        "<".repeat(300),
        "W".repeat(200),
        "&amp;".repeat(60),
        "\u{202e}gnp.exe".into(),
        "\u{202e}\u{202d}\u{202e}>tpircs<".into(),
        "\u{2066}\u{2067}x\u{2069}".into(),
        "a\u{200b}b\u{feff}c".into(),
        "e\u{301}\u{301}\u{301}\u{301}".repeat(20),
        "\u{1f469}\u{200d}\u{1f680}".repeat(30),
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}<b>\u{1f1e9}\u{1f1ea}</b>".into(),
        "\u{2028}\u{2029}x".into(),
        "\u{ff1c}script\u{ff1e}".into(),
        "ʺ><svg onload=alert(1)>".into(),
        "x\r\nSet-Cookie: sessionId=x".into(),
        "x\r\n\r\n<script>alert(1)</script>".into(),
        "x\ty\nz\r!".into(),
        "\u{1}\u{8}\u{b}\u{1b}[31mred\u{7f}\u{85}".into(),
        "\u{fffd}\u{fffe}\u{ffff}\u{10ffff}".into(),
    ]);
    all
}

/// A text as a parser of HTML reads it back: every end of a line is `\n`.
#[must_use]
pub fn read_back(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A text as [`Page::texts`](crate::Page::texts) shows it: runs of white space are one space.
#[must_use]
pub fn shown(text: &str) -> String {
    crate::page::words(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_more_than_a_hundred() {
        let all = hostile();
        let distinct: std::collections::HashSet<&String> = all.iter().collect();
        assert!(distinct.len() > 100 && distinct.len() == all.len(), "{} of {}", distinct.len(), all.len());
    }
}
