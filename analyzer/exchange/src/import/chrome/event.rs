//! Parses one event of a trace leniently: a field of the wrong type counts as missing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use crate::import::trace::LATEST_NS;

/// An event with its fields from the file.
#[derive(Debug, Deserialize)]
pub(super) struct ChromeEvent<'a> {
    #[serde(borrow, default)]
    pub(super) ph: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) name: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) cat: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) pid: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) tid: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) id: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) id2: ScopedId<'a>,
    #[serde(borrow, default)]
    pub(super) scope: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) ts: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) dur: LenientValue<'a>,
    #[serde(borrow, default, rename = ".file")]
    pub(super) file: LenientValue<'a>,
    #[serde(borrow, default, rename = ".line")]
    pub(super) line: LenientValue<'a>,
    #[serde(borrow, default)]
    pub(super) args: Args<'a>,
}

impl<'a> ChromeEvent<'a> {
    /// Parses an event.
    ///
    /// # Errors
    /// Returns the JSON error.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, String> {
        // Rejects a list: serde would accept it as the fields of an event in order.
        if text.first() != Some(&b'{') {
            return Err("it is not an object".to_owned());
        }
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }
}

/// Any JSON value; lists and objects are skipped.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum LenientValue<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    Int(i64),
    Number(f64),
    Bool(bool),
}

impl LenientValue<'_> {
    /// Returns the text, if it is a string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number, if it is one; also from a string, as some writers quote numbers.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
            Self::None | Self::Bool(_) => None,
        }
    }

    /// Converts microseconds to nanoseconds, exactly for integers.
    pub(super) fn micros_as_nanos(&self) -> Option<i64> {
        let whole = match self {
            Self::Int(micros) => Some(*micros),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let nanos = match whole {
            Some(micros) => micros.checked_mul(1_000)?,
            None => {
                let nanos = self.number()? * 1e3;
                (nanos.abs() <= LATEST_NS as f64).then_some(nanos.round() as i64)?
            }
        };
        (nanos.abs() <= LATEST_NS).then_some(nanos)
    }

    /// Returns the value as an identifier of a thread, process or task: `"1"`, `1.0` and `1`
    /// are equal.
    pub(super) fn id(&self) -> Option<Id> {
        match self {
            Self::Int(number) => Some(Id::Number(*number)),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                Some(Id::Number(*number as i64))
            }
            Self::Number(number) => Some(Id::Text(number.to_string().into())),
            Self::Text(text) => Some(match text.parse() {
                Ok(number) => Id::Number(number),
                Err(_) => Id::Text(text.as_ref().into()),
            }),
            Self::None | Self::Bool(_) => None,
        }
    }
}

/// The field `id2`: id of a task within its process, or within the trace.
#[derive(Debug, Default)]
pub(super) struct ScopedId<'a> {
    pub(super) local: LenientValue<'a>,
    pub(super) global: LenientValue<'a>,
}

/// Identifier of a thread, process or task.
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

/// Arguments in the order of the file; empty if they are not an object.
#[derive(Debug, Default)]
pub(super) struct Args<'a>(pub(super) Vec<(Cow<'a, str>, LenientValue<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for LenientValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LenientVisitor)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = LenientValue<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(LenientValue::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(LenientValue::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(LenientValue::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        let small = i64::try_from(number);
        Ok(small.map_or(LenientValue::Number(number as f64), LenientValue::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(LenientValue::Number(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(LenientValue::Bool(flag))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(LenientValue::None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(LenientValue::None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(LenientValue::None)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Args<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgsVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ScopedId<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut id = Self::default();
        for (name, value) in Args::deserialize(deserializer)?.0 {
            match name.as_ref() {
                "local" => id.local = value,
                "global" => id.global = value,
                _ => {}
            }
        }
        Ok(id)
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
        while let Some(LenientValue::Text(name)) = map.next_key::<LenientValue<'de>>()? {
            args.push((name, map.next_value()?));
        }
        Ok(Args(args))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        LenientVisitor.visit_seq(list).map(|_| Args::default())
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
        let text = br#"{"ph":7,"name":["x"],"ts":true,"tid":"main","pid":{},"args":[{"a":1}],
                       "dur":-2.5,"id":18446744073709551615,"cat":null,"else":{"y":[1]},
                       "id2":[1]}"#;
        let event = ChromeEvent::read(text).unwrap();
        assert_eq!((event.ph.text(), event.name.text()), (None, None));
        assert_eq!((event.ts.number(), event.dur.number()), (None, Some(-2.5)));
        assert_eq!(event.tid.id(), Some(Id::Text("main".into())));
        assert_eq!((event.pid.id(), event.args.0.len()), (None, 0));
        assert!(event.id.id().is_some());
        for wrong in [
            "{",
            "{\"ts\":NaN}",
            "{\"ts\":1e999}",
            "{\"ts\":1,\"ts\":2}",
            "[\"B\",\"a\"]",
            "7",
        ] {
            assert!(ChromeEvent::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn quoted_numbers_are_accepted() {
        let read = |field: &str| {
            let text = format!("{{\"ts\":{field},\"tid\":{field}}}");
            let event = ChromeEvent::read(text.as_bytes()).unwrap();
            (event.ts.micros_as_nanos(), event.tid.id())
        };
        let seven = Some(Id::Number(7));
        for same in ["7", "\"7\"", "7.0"] {
            assert_eq!(read(same), (Some(7_000), seven.clone()), "{same}");
        }
        for (time, nanos) in [
            ("1790000000000000", Some(1_790_000_000_000_000_000)),
            ("\"1790000000000001\"", Some(1_790_000_000_000_001_000)),
            ("1.5e3", Some(1_500_000)),
            ("\"-2.5\"", Some(-2_500)),
            ("\" 8 \"", Some(8_000)),
            ("\"soon\"", None),
            ("\"inf\"", None),
            ("\"\"", None),
            ("1e300", None),
            ("9223372036854775807", None),
            ("true", None),
        ] {
            assert_eq!(read(time).0, nanos, "{time}");
        }
    }

    #[test]
    fn task_ids_are_local_to_a_process_or_global() {
        let read = |id2: &str| {
            let text = format!("{{\"id2\":{id2}}}");
            let event = ChromeEvent::read(text.as_bytes()).unwrap();
            (event.id2.local.id(), event.id2.global.id())
        };
        let hex = Some(Id::Text("0x1".into()));
        assert_eq!(read(r#"{"local":"0x1"}"#), (hex.clone(), None));
        assert_eq!(read(r#"{"global":"0x1"}"#), (None, hex));
        assert_eq!(read("7"), (None, None));
    }

    #[test]
    fn arguments_keep_their_order() {
        let event = ChromeEvent::read(br#"{"args":{"z":"\"q\"","a":3}}"#).unwrap();
        let names: Vec<&str> = event.args.0.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(event.args.0[0].1.text(), Some("\"q\""));
    }
}
