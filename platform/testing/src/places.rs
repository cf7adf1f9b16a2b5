//! Places in a JSON body: pointers (RFC 6901) in which `*` is each entry of a list.

use serde_json::{Map, Value};

/// Calls `act` with each object that holds the place's last name, and that name.
pub(crate) fn each(body: &mut Value, place: &str, act: &mut dyn FnMut(&mut Map<String, Value>, &str)) {
    let (first, rest) = split(place);
    match rest {
        None => {
            if let Some(object) = body.as_object_mut() {
                act(object, first);
            }
        }
        Some(rest) if first == "*" => {
            body.as_array_mut().into_iter().flatten().for_each(|entry| each(entry, rest, act))
        }
        Some(rest) => {
            if let Some(next) = body.pointer_mut(&format!("/{first}")) {
                each(next, rest, act);
            }
        }
    }
}

/// Changes what is at each place; where there is nothing, nothing.
pub(crate) fn change(body: &mut Value, place: &str, with: impl Fn(&Value) -> Value) {
    each(body, place, &mut |object, name| {
        if let Some(value) = object.get_mut(name) {
            *value = with(value);
        }
    });
}

/// Sets each place to what `value` is in JSON.
pub(crate) fn set(body: &mut Value, place: &str, value: &str) {
    let value = literal(value);
    each(body, place, &mut |object, name| drop(object.insert(name.to_owned(), value.clone())));
}

/// A value that stands in a table.
pub(crate) fn literal(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text} is not JSON: {error}"))
}

fn split(place: &str) -> (&str, Option<&str>) {
    let place = place.strip_prefix('/').unwrap_or(place);
    match place.find('/') {
        Some(end) => (&place[..end], Some(&place[end..])),
        None => (place, None),
    }
}
