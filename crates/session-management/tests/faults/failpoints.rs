//! Every place on the way of a write where the code can be made to fail, in each way: an error, a delay, the end of the
//! process. The process that fails is a third one; the other two say what became of it.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;
use test_support::{App, ordinary_or_long, tally};

use crate::act::{code, perform};
use crate::operation::Operation::{self, EndOthers, LogOut, Login, LookUp, NewPassword, SmsVerify};
use crate::stage::Stage;
use crate::verdict::{Played, follow, judge};

/// Each place, and who comes by. The long run plays every operation at every place.
const PLACES: &[(&str, &[Operation])] = &[
    ("count::statement", &[Login]),
    ("count::written", &[Login]),
    ("refund::statement", &[Login]),
    ("login::statement", &[Login]),
    ("login::written", &[SmsVerify]),
    ("login::committed", &[SmsVerify]),
    ("login::before_fill", &[SmsVerify]),
    ("login::filled", &[SmsVerify]),
    ("code::statement", &[SmsVerify]),
    ("code::written", &[SmsVerify]),
    ("code::redeemed", &[SmsVerify]),
    ("revoke::statement", &[LogOut]),
    ("revoke::written", &[LogOut]),
    ("revoke::committed", &[LogOut]),
    ("revoke::forgotten", &[LogOut]),
    ("transaction::begun", &[EndOthers]),
    ("epoch::statement", &[EndOthers]),
    ("epoch::written", &[NewPassword]),
    ("end_all::statement", &[EndOthers]),
    ("end_all::written", &[EndOthers]),
    ("audit::statement", &[EndOthers]),
    ("transaction::before_commit", &[NewPassword]),
    ("transaction::committed", &[NewPassword]),
    ("end_all::committed", &[EndOthers]),
    ("end_all::denied", &[EndOthers]),
    ("end_all::forgotten", &[EndOthers]),
    ("end_all::filled", &[NewPassword]),
    ("look_up::statement", &[LookUp]),
    ("redis::command", &[LookUp, LogOut]),
    ("redis::answered", &[LookUp, EndOthers]),
];

/// A process that fails where a file says so.
struct Failing<'a> {
    stage: &'a Stage,
    folder: TempDir,
    app: App,
}

impl<'a> Failing<'a> {
    fn start(stage: &'a Stage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let app = Self::process(stage, &folder);
        Self { stage, folder, app }
    }

    fn process(stage: &Stage, folder: &TempDir) -> App {
        let file = folder.path().join("points");
        let app = stage.web_builder().env("FAILPOINTS_FILE", &file.display().to_string()).start();
        // Without a lease Redis is not asked.
        app.wait_for_lease();
        app
    }

    fn hits(&self) -> PathBuf {
        self.folder.path().join("points.hits")
    }

    /// Lets one place fail while somebody does something; whether they came by.
    fn play(&mut self, place: &str, action: &str, operation: Operation) -> bool {
        let (stage, points) = (self.stage, self.folder.path().join("points"));
        let person = stage.person();
        let code = code(stage, operation, &person);
        let _ = fs::remove_file(self.hits());
        fs::write(&points, format!("{place}={action}\n")).unwrap();
        let mut played = Played { operation, person: &person, code: &code, done: None };
        played.done = perform(stage, &self.app, operation, &person, &code);
        let acknowledged = Instant::now();
        fs::remove_file(&points).unwrap();
        if played.done.is_some() {
            follow(stage, &self.app, &played, acknowledged);
        }
        judge(stage, &played);
        for wrong in stage.book.take_broken() {
            stage.book.broken(format!("{place}={action}: {wrong}"));
        }
        if !self.app.is_alive() {
            self.app = Self::process(stage, &self.folder);
        }
        fs::metadata(self.hits()).is_ok()
    }
}

fn sweep(action: &str) {
    let began = Instant::now();
    let stage = Stage::start(false);
    let mut failing = Failing::start(&stage);
    let (mut plays, mut hits, mut broken) = (0, 0, Vec::new());
    for (place, operations) in PLACES {
        let every = ordinary_or_long(0, 1) == 1;
        for operation in if every { Operation::ALL } else { operations } {
            let came_by = failing.play(place, action, *operation);
            if !came_by && operations.contains(operation) {
                stage.book.broken(format!("{place}: nobody came by with {operation}"));
            }
            plays += 1;
            hits += usize::from(came_by);
            broken.extend(stage.book.take_broken());
        }
    }
    tally(
        "failpoints",
        format!(
            "{action}: {} places, {plays} operations, {hits} of them came by, {} violations, {:?}",
            PLACES.len(),
            broken.len(),
            began.elapsed()
        ),
    );
    assert_eq!(broken, [""; 0]);
}

#[test]
fn an_error_at_any_place_c4() {
    sweep("error");
}

#[test]
fn a_delay_at_any_place_c4() {
    sweep("delay");
}

#[test]
fn the_end_of_the_process_at_any_place_c4() {
    sweep("abort");
}

/// Whatever place the code has is in the table.
#[test]
fn every_place_is_here() {
    let mut found = Vec::new();
    let mut folders = ["../identity-db/src", "src"].map(PathBuf::from).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            for kind in ["failpoint!(fails \"", "failpoint!(query \""] {
                found.extend(
                    text.split(kind).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
                );
            }
        }
    }
    found.sort();
    found.dedup();
    let mut listed: Vec<String> = PLACES.iter().map(|(place, _)| (*place).to_owned()).collect();
    listed.sort();
    assert_eq!(found, listed);
}
