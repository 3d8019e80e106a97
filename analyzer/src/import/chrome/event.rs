//! One event of a trace, read without trust: a field of the wrong type is as good as
//! none.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// An event as it stands in the file.
#[derive(Debug, Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default)]
    pub(super) ph: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) name: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) cat: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) pid: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) tid: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) id: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) ts: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) dur: Loose<'a>,
    #[serde(borrow, default, rename = ".file")]
    pub(super) file: Loose<'a>,
    #[serde(borrow, default, rename = ".line")]
    pub(super) line: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) args: Args<'a>,
}

impl<'a> Event<'a> {
    /// Reads the text of an event.
    ///
    /// # Errors
    /// What is wrong with it as JSON.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }
}

/// Any value; lists and objects are passed over.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Loose<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    Int(i64),
    Number(f64),
    Bool(bool),
}

impl Loose<'_> {
    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// As what threads, processes and tasks are told apart by.
    pub(super) fn id(&self) -> Option<Id> {
        match self {
            Self::Int(number) => Some(Id::Number(*number)),
            Self::Number(number) => Some(Id::Text(number.to_string().into())),
            Self::Text(text) => Some(Id::Text(text.as_ref().into())),
            Self::None | Self::Bool(_) => None,
        }
    }
}

/// Number or name of a thread, process or task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Number(i64),
    Text(Box<str>),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Arguments in the order of the file; none if they are no object.
#[derive(Debug, Default)]
pub(super) struct Args<'a>(pub(super) Vec<(Cow<'a, str>, Loose<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Loose::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        let small = i64::try_from(number);
        Ok(small.map_or(Loose::Number(number as f64), Loose::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(flag))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::None)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Args<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgsVisitor)
    }
}

struct ArgsVisitor;

impl<'de> Visitor<'de> for ArgsVisitor {
    type Value = Args<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut args = Vec::new();
        while let Some(Loose::Text(name)) = map.next_key::<Loose<'de>>()? {
            args.push((name, map.next_value()?));
        }
        Ok(Args(args))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        LooseVisitor.visit_seq(list).map(|_| Args::default())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Args::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Args::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Args::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Args::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Args::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Args::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_wrong_type_are_none() {
        let text = br#"{"ph":7,"name":["x"],"ts":"1","tid":"main","pid":{},"args":[{"a":1}],
                       "dur":-2.5,"id":18446744073709551615,"cat":null,"else":{"y":[1]}}"#;
        let event = Event::read(text).unwrap();
        assert_eq!((event.ph.text(), event.name.text()), (None, None));
        assert_eq!((event.ts.number(), event.dur.number()), (None, Some(-2.5)));
        assert_eq!(event.tid.id(), Some(Id::Text("main".into())));
        assert_eq!((event.pid.id(), event.args.0.len()), (None, 0));
        assert!(event.id.id().is_some());
        for wrong in ["{", "{\"ts\":NaN}", "{\"ts\":1e999}", "{\"ts\":1,\"ts\":2}"] {
            assert!(Event::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn arguments_keep_their_order() {
        let event = Event::read(br#"{"args":{"z":"\"q\"","a":3}}"#).unwrap();
        let names: Vec<&str> = event.args.0.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(event.args.0[0].1.text(), Some("\"q\""));
    }
}
