//! Every page of both applications, full and empty, light and dark, on a desktop and on a phone: none has a serious fault of
//! accessibility. `scripts/screenshots` takes its pictures on the way.

mod panel;
mod web;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use test_support::{App, Browser};

use crate::PASSWORD;
use crate::axe::serious_faults;
use crate::policy::serve;
use crate::stage::Stage;

const OLIVIA: &str = "olivia.bennett@example.com";
const MANY: &str = "many.devices@example.com";
const ADA: &str = "ada.lovelace@example.com";

/// CSS pixels of a desktop and of a phone, and how much of a longer page a picture shows.
const SCREENS: [(&str, u32, u32, u32); 2] = [("desktop", 1280, 900, 1100), ("phone", 390, 844, 1200)];

struct Tour {
    stage: Stage,
    browser: Browser,
    /// Where pictures go, if somebody wants them.
    pictures: Option<PathBuf>,
    /// What was found on the way: all of it is told at the end.
    faults: RefCell<Vec<String>>,
}

impl Tour {
    fn new() -> Self {
        Self::with(Browser::builder().start())
    }

    fn with(browser: Browser) -> Self {
        let stage = Stage::new(true);
        stage.database.execute(include_str!("tour/people.sql"));
        // scripts/screenshots says where they go.
        let pictures = std::env::var_os("SCREENSHOTS").map(PathBuf::from);
        Self { stage, browser, pictures, faults: RefCell::default() }
    }

    /// Goes to a page and looks at it.
    #[track_caller]
    fn visit(&self, app: &App, path: &str, name: &str) {
        self.browser.open(app, path);
        self.look(name);
    }

    /// Goes to a page that needs no picture, since another has nearly the same.
    #[track_caller]
    fn pass(&self, app: &App, path: &str) {
        self.browser.open(app, path);
        self.glance();
    }

    /// Looks at the page that is open.
    #[track_caller]
    fn look(&self, name: &str) {
        let picture = self.pictures.as_ref().map(|folder| folder.join(name));
        self.examine(picture.as_deref());
    }

    /// Looks at the page that is open, without taking a picture.
    #[track_caller]
    fn glance(&self) {
        self.examine(None);
    }

    #[track_caller]
    fn examine(&self, picture: Option<&Path>) {
        self.browser.see("#main");
        let path = self.browser.path();
        for (screen, width, height, at_most) in SCREENS {
            self.browser.resize(width, height, screen == "phone");
            for scheme in ["light", "dark"] {
                self.browser.prefer(scheme);
                if let Some(picture) = picture {
                    let file = format!("{}-{screen}-{scheme}.png", picture.display());
                    std::fs::write(file, self.browser.picture(at_most)).expect("a picture written");
                }
                // Each page once in each, which is half of what there is to see.
                if (screen == "desktop") == (scheme == "light") {
                    for fault in serious_faults(&self.browser) {
                        self.note(&format!("{path}, {scheme}, {screen}: {fault:#}"));
                    }
                }
            }
            self.check_width(width);
        }
    }

    /// What is wider than the screen makes people push the page to and fro.
    #[track_caller]
    fn check_width(&self, width: u32) {
        let wide = width_of_page(&self.browser);
        if wide > u64::from(width) {
            self.note(&format!("{} is {wide} wide on a screen of {width}", self.browser.path()));
        }
    }

    fn note(&self, fault: &str) {
        self.faults.borrow_mut().push(fault.to_owned());
    }

    /// Ends the tour, which nothing was to be found on.
    #[track_caller]
    fn end(self) {
        let faults = self.faults.take();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[track_caller]
    fn log_in(&self, app: &App, email: &str) {
        self.browser.open(app, "/login");
        self.stage.log_in(&self.browser, email, PASSWORD);
        self.browser.see("#logout");
    }

    #[track_caller]
    fn log_out(&self) {
        self.browser.click("#logout button");
        self.browser.arrive("/login");
    }
}

#[track_caller]
fn width_of_page(browser: &Browser) -> u64 {
    let width = browser.evaluate("return document.documentElement.scrollWidth", &[]);
    width.as_u64().expect("a number of pixels")
}

#[test]
fn longer_words_of_another_language_fit_a_phone() {
    let tour = Tour::with(Browser::builder().language("ru").start());
    let (_, width, height, _) = SCREENS[1];
    tour.browser.resize(width, height, true);
    let see = |app: &App, path: &str| {
        tour.browser.open(app, path);
        assert_eq!(tour.browser.attributes("html", "lang"), ["ru"]);
        tour.check_width(width);
    };
    let (web, panel) = (&tour.stage.web, &tour.stage.panel);
    for path in ["/login", "/register", "/"] {
        see(web, path);
    }
    tour.log_in(web, OLIVIA);
    for path in ["/", "/account", "/nowhere"] {
        see(web, path);
    }
    tour.log_in(panel, ADA);
    let olivia = tour.stage.database.value(&format!("SELECT id FROM users WHERE email = '{OLIVIA}'"));
    let (person, grant) = (format!("/users/{olivia}"), format!("/users/{olivia}/grant"));
    for path in ["/", "/users", "/audit", "/cleanup", &person, &grant] {
        see(panel, path);
    }
    tour.end();
}

#[test]
fn what_keeps_people_out_is_found() {
    let browser = Browser::builder().start();
    let page = "<!doctype html><html lang=en><title>Faults</title><body><main><h1>Faults</h1><p>Text</p><a href=/>On</a>
                <button></button><p style='color: #ccc; background: #fff'>Pale</p></main>";
    browser.go(&serve("", page));
    let mut names: Vec<String> =
        serious_faults(&browser).iter().map(|fault| fault["id"].to_string()).collect();
    names.sort();
    assert_eq!(names, ["\"button-name\"", "\"color-contrast\""]);

    let (_, width, height, _) = SCREENS[1];
    browser.resize(width, height, true);
    let page = "<!doctype html><meta name=viewport content='width=device-width'><p style='width: 600px; margin: 0'>x";
    browser.go(&serve("", page));
    assert_eq!(width_of_page(&browser), 608);
}
