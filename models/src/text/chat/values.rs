//! Bounds of the values that a template keeps. Namespaces hold no namespaces, so that no value
//! contains itself: such a value has no text, and no end when it is compared.

use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::rewriting::{OF_ATTRIBUTE, OF_NAME};

const FUNCTION: &str = "namespace";
/// Deepest nesting of a value.
const DEEPEST: usize = 128;
/// Ends of the names of types with values that change.
const CHANGING: [(&str, &str); 2] = [("::Namespace", "a namespace"), ("::Loop", "`loop`")];
/// Cost of a value inside another one that is computed only when it is visited. A thousand such
/// values, each computed from the one before, are the most.
const LAZY_COST: u64 = 5000;

/// Adds the function that makes namespaces, and the filters of what is assigned.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter(OF_NAME, of_name);
    environment.add_filter(OF_ATTRIBUTE, of_attribute);
    let builtin = environment
        .globals()
        .find_map(|(name, value)| (name == FUNCTION).then_some(value));
    let Some(builtin) = builtin else { return };
    let make = move |state: &mut State<'_, '_>, values: Rest<ValueOrKwargs>| {
        let values: Vec<Value> = values.0.into_iter().map(Value::from).collect();
        for value in &values {
            visit(state, value, 0, &CHANGING)?;
        }
        builtin.call(state, &values)
    };
    environment.add_function(FUNCTION, make);
}

fn of_name(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    kept(state, value, &[])
}

fn of_attribute(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    kept(state, value, &CHANGING)
}

/// Returns a value with its items computed, once they were visited.
fn kept(state: &State<'_, '_>, value: Value, refused: &[(&str, &str)]) -> Result<Value, Error> {
    visit(state, &value, 0, refused)?;
    if !is_lazy(&value) {
        return Ok(value);
    }
    match value.kind() {
        ValueKind::Map => {
            let pair = |key: Value| Ok((key.clone(), value.get_item(&key)?));
            let pairs = value.try_iter()?.map(pair);
            Ok(Value::from_pairs(pairs.collect::<Result<Vec<_>, Error>>()?))
        }
        _ => Ok(Value::from(value.try_iter()?.collect::<Vec<Value>>())),
    }
}

/// Whether the items of a value are computed when they are visited.
fn is_lazy(value: &Value) -> bool {
    let Some(object) = value.as_object() else {
        return false;
    };
    match value.kind() {
        ValueKind::Map => object.type_name().ends_with("::MergeDict"),
        ValueKind::Seq | ValueKind::Iterable => {
            object.downcast_ref::<Vec<Value>>().is_none() && !value.is_tuple()
        }
        _ => false,
    }
}

/// Charges for the values inside a value, each as much as for a step of the template. A list that
/// holds another one twice has all of its values twice.
///
/// # Errors
/// If it holds more values than may be visited, or is nested too deeply.
pub(super) fn charge(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    visit(state, value, 0, &[])
}

/// Visits the values inside a value, and refuses those of the given types.
fn visit(
    state: &State<'_, '_>,
    value: &Value,
    depth: usize,
    refused: &[(&str, &str)],
) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::new(ErrorKind::InvalidOperation, text));
    state.consume_fuel(1)?;
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let name = object.type_name();
    if let Some((_, name)) = refused.iter().find(|(end, _)| name.ends_with(end)) {
        return refuse(format!("a namespace cannot hold {name}"));
    }
    if depth > DEEPEST {
        return refuse(format!("values are nested at most {DEEPEST} deep"));
    }
    if depth > 0 && is_lazy(value) {
        state.consume_fuel(LAZY_COST)?;
    }
    match value.kind() {
        ValueKind::Map => {
            for key in value.try_iter()? {
                visit(state, &key, depth + 1, refused)?;
                visit(state, &value.get_item(&key)?, depth + 1, refused)?;
            }
        }
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                visit(state, &item, depth + 1, refused)?;
            }
        }
        _ => {}
    }
    Ok(())
}
