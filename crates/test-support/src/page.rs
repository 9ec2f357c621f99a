//! Pages as a browser without JavaScript meets them: read by their markup, left by their forms.

use scraper::{ElementRef, Html, Selector};

use crate::http::{Client, Response};

/// An answer that is a page.
pub struct Page {
    /// The answer.
    pub answer: Response,
    html: Html,
}

/// A form of a page, filled in as it stands there.
#[derive(Debug, Clone)]
pub struct PageForm {
    /// Where it is sent.
    pub action: String,
    /// What it brings, in order.
    pub fields: Vec<(String, String)>,
}

impl Client {
    /// Asks for a page as a browser does.
    #[must_use]
    pub fn page(&self, path: &str) -> Page {
        Page::of(self.request("GET", path).header("Accept", "text/html,*/*;q=0.8").send())
    }

    /// Sends a form as a browser does.
    pub fn submit(&self, form: &PageForm) -> Response {
        let request = self.request("POST", &form.action).header("Accept", "text/html,*/*;q=0.8");
        request.header("Content-Type", "application/x-www-form-urlencoded").body(form.encoded()).send()
    }
}

impl Page {
    /// A page out of an answer.
    #[must_use]
    pub fn of(answer: Response) -> Self {
        let html = Html::parse_document(&answer.text());
        Self { answer, html }
    }

    /// The text of every element that a selector finds, with each run of white space as one space.
    #[must_use]
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).iter().map(|element| words(&element.text().collect::<String>())).collect()
    }

    /// The text of the only element that a selector finds. Panics when there is none, or more.
    #[must_use]
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        let mut found = self.texts(selector);
        assert_eq!(found.len(), 1, "{selector} in {}", self.answer.text());
        found.remove(0)
    }

    /// An attribute of every element that a selector finds and that has it.
    #[must_use]
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.all(selector).iter().filter_map(|element| element.attr(name)).map(str::to_owned).collect()
    }

    /// How many elements a selector finds.
    #[must_use]
    pub fn count(&self, selector: &str) -> usize {
        self.all(selector).len()
    }

    /// Names and attributes of every element, in order: what markup there is, without any text.
    #[must_use]
    pub fn skeleton(&self) -> Vec<String> {
        let shape = |element: &ElementRef<'_>| {
            let mut attributes: Vec<&str> = element.value().attrs().map(|(name, _)| name).collect();
            attributes.sort_unstable();
            format!("{} {}", element.value().name(), attributes.join(" "))
        };
        self.all("*").iter().map(shape).collect()
    }

    /// The form that a selector finds. Panics when there is none.
    #[must_use]
    #[track_caller]
    pub fn form(&self, selector: &str) -> PageForm {
        let found = self.all(selector);
        let Some(form) = found.first() else { panic!("no form {selector} in {}", self.answer.text()) };
        let inputs = parsed("input[name], select[name]");
        let fields = form.select(&inputs).map(|input| {
            let chosen = parsed("option[selected]");
            let chosen = input.select(&chosen).next().and_then(|option| option.attr("value"));
            let value = chosen.or_else(|| input.attr("value")).unwrap_or_default();
            (input.attr("name").unwrap_or_default().to_owned(), value.to_owned())
        });
        PageForm { action: form.attr("action").unwrap_or_default().to_owned(), fields: fields.collect() }
    }

    fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.html.select(&parsed(selector)).collect()
    }
}

impl PageForm {
    /// The same with a field filled in. Panics when the form has no such field.
    #[must_use]
    #[track_caller]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    /// The same without a field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// As it is sent.
    #[must_use]
    pub fn encoded(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }
}

fn parsed(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}

pub(crate) fn words(text: &str) -> String {
    text.split([' ', '\n', '\t', '\r']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
