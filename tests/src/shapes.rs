//! Where in the JSON of the verbs a thing stands. The one place that knows.

use serde_json::Value;

/// A field by its way from the top.
///
/// # Panics
///
/// When it is not there.
#[track_caller]
pub fn field<'v>(value: &'v Value, way: &str) -> &'v Value {
    way.split('.')
        .fold(value, |at, name| at.get(name).unwrap_or_else(|| panic!("no {name:?} of {way:?} in {value:#}")))
}

/// A number by its way from the top.
#[track_caller]
pub fn number(value: &Value, way: &str) -> u64 {
    field(value, way).as_u64().unwrap_or_else(|| panic!("{way:?} is no number in {value:#}"))
}

/// A text by its way from the top.
#[track_caller]
pub fn text(value: &Value, way: &str) -> String {
    field(value, way).as_str().unwrap_or_else(|| panic!("{way:?} is no text in {value:#}")).to_owned()
}

/// An array by its way from the top.
#[track_caller]
pub fn array<'v>(value: &'v Value, way: &str) -> &'v Vec<Value> {
    field(value, way).as_array().unwrap_or_else(|| panic!("{way:?} is no array in {value:#}"))
}

/// Id of the snapshot that `snapshot --json` tells of.
#[track_caller]
pub fn snapshot_id(summary: &Value) -> String {
    text(summary, "id")
}

/// The snapshots that `snapshots --json` lists.
#[track_caller]
pub fn snapshots(listing: &Value) -> Vec<Value> {
    array(listing, "snapshots").clone()
}

/// Kinds of the problems that `snapshot --json` lists, with their paths.
#[track_caller]
pub fn problems(summary: &Value) -> Vec<(String, String)> {
    array(summary, "problems").iter().map(|problem| (text(problem, "kind"), text(problem, "path"))).collect()
}

/// What `check --json` found damaged, each as text that names all it is about.
#[track_caller]
pub fn damage(report: &Value) -> Vec<String> {
    array(report, "damage").iter().map(ToString::to_string).collect()
}
