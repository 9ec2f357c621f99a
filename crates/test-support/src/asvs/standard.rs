//! Which requirements the chapters of ASVS 5.0.0 have, and of which level each is. The headings are ours.

/// A chapter of the standard.
pub(super) struct Chapter {
    /// 6 of V6.
    pub(super) number: u8,
    /// What it is about.
    pub(super) title: &'static str,
    /// What each section is about, and the level of each requirement in it, a digit for each.
    pub(super) sections: &'static [(&'static str, &'static str)],
}

/// The chapters that this system answers for, requirement by requirement.
pub(super) const CHAPTERS: &[Chapter] = &[
    Chapter {
        number: 3,
        title: "Pages in a browser",
        sections: &[
            ("Documents", "3"),
            ("Content in a context that it was not made for", "113"),
            ("Cookies", "12223"),
            ("Headers", "11222233"),
            ("Other sites", "11122333"),
            ("Files from elsewhere", "3"),
            ("What else a browser does", "22333"),
        ],
    },
    Chapter {
        number: 6,
        title: "Authentication",
        sections: &[
            ("Documents", "122"),
            ("Passwords", "111111112222"),
            ("Logging in", "11223333"),
            ("First secrets and lost ones", "112233"),
            ("Codes", "22222333"),
            ("Codes by another way", "2223"),
            ("Keys and challenges", "33"),
            ("Who is vouched for by others", "2222"),
        ],
    },
    Chapter {
        number: 7,
        title: "Sessions",
        sections: &[
            ("Documents", "222"),
            ("Tokens", "1111"),
            ("Lifetimes", "22"),
            ("Ends", "11222"),
            ("Stolen sessions", "223"),
            ("Sessions that rest on another system's", "22"),
        ],
    },
    Chapter {
        number: 8,
        title: "Authorization",
        sections: &[
            ("Documents", "1233"),
            ("What may be done, to what", "1123"),
            ("Where it is decided", "133"),
            ("Apart from that", "23"),
        ],
    },
    Chapter {
        number: 16,
        title: "Logs and errors",
        sections: &[
            ("Documents", "2"),
            ("What a line says", "22222"),
            ("What is written down", "2222"),
            ("Keeping it", "222"),
            ("Errors", "2223"),
        ],
    },
];

/// A requirement, such as 6.2.1 of level 1.
pub(super) struct Requirement {
    pub(super) id: String,
    pub(super) level: char,
}

impl Chapter {
    /// The sections with their numbers, headings and requirements.
    pub(super) fn sections(&self) -> impl Iterator<Item = (String, &'static str, Vec<Requirement>)> {
        (1..).zip(self.sections).map(|(number, (heading, levels))| {
            let section = format!("{}.{number}", self.number);
            let requirement = |(last, level)| Requirement { id: format!("{section}.{last}"), level };
            let requirements = (1..).zip(levels.chars()).map(requirement).collect();
            (section, *heading, requirements)
        })
    }
}

/// Every requirement, in the order of the standard.
pub(super) fn requirements() -> impl Iterator<Item = Requirement> {
    CHAPTERS.iter().flat_map(Chapter::sections).flat_map(|(_, _, requirements)| requirements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chapters_have_as_many_requirements_as_the_standard() {
        let count = |chapter: &Chapter| chapter.sections().map(|(_, _, all)| all.len()).sum::<usize>();
        let counts: Vec<_> = CHAPTERS.iter().map(|chapter| (chapter.number, count(chapter))).collect();
        assert_eq!(counts, [(3, 31), (6, 47), (7, 19), (8, 13), (16, 17)]);
        let level = |id: &str| requirements().find(|known| known.id == id).map(|known| known.level);
        assert_eq!([level("6.2.8"), level("6.2.9"), level("16.5.4")], [Some('1'), Some('2'), Some('3')]);
        assert_eq!(level("6.2.13"), None);
    }
}
