//! What a client has subscribed to, and its messages to the server.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;

use super::frame::{Frame, Label};
use super::message::{Detail, MessageKind};

/// Selects messages.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    runs: Vec<SubscribedRun>,
    detail: Detail,
    kinds: Option<Vec<MessageKind>>,
    /// Whether messages about the server are selected, which belong to no run.
    with_server: bool,
    /// Runs of which only the deletion is reported.
    deleted: Vec<Arc<str>>,
}

#[derive(Debug, Clone, PartialEq)]
enum SubscribedRun {
    All,
    /// The run that started last.
    Latest,
    /// A run; what a client sent is resolved to the uuid.
    Uuid(String),
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            runs: vec![SubscribedRun::All],
            detail: Detail::Components,
            kinds: None,
            with_server: true,
            deleted: Vec::new(),
        }
    }
}

impl Filter {
    /// Selects messages of one run, or of all runs and of the server if `run` is `None`. Without
    /// `detail` it is that of a connection without subscription, or unlimited if `types` are given.
    ///
    /// # Errors
    /// If a name is unknown; the text lists the names.
    pub(super) fn new(
        run: Option<String>,
        detail: Option<&str>,
        types: Option<&[String]>,
    ) -> Result<Self, String> {
        let with_server = run.is_none();
        let run = run.map_or(SubscribedRun::All, SubscribedRun::Uuid);
        let filter = Self::of(vec![run], detail, types)?;
        Ok(Self {
            with_server,
            ..filter
        })
    }

    fn of(
        runs: Vec<SubscribedRun>,
        detail: Option<&str>,
        types: Option<&[String]>,
    ) -> Result<Self, String> {
        let detail = match (detail, types) {
            (Some(name), _) => Detail::from_name(name).ok_or_else(|| unknown_detail(name))?,
            (None, Some(_)) => Detail::Operations,
            (None, None) => Self::default().detail,
        };
        let kinds = types.map(|names| names.iter().map(|name| kind(name)).collect());
        Ok(Self {
            runs,
            detail,
            kinds: kinds.transpose()?,
            with_server: true,
            deleted: Vec::new(),
        })
    }

    /// Returns the selectors of single runs, which must be resolved to uuids.
    pub(super) fn selectors(&mut self) -> impl Iterator<Item = &mut String> {
        self.runs.iter_mut().filter_map(|run| match run {
            SubscribedRun::Uuid(selector) => Some(selector),
            SubscribedRun::All | SubscribedRun::Latest => None,
        })
    }

    /// Excludes messages of deleted runs, except their deletion.
    pub(super) fn without(&self, deleted: Vec<Arc<str>>) -> Self {
        Self {
            deleted,
            ..self.clone()
        }
    }

    /// Returns whether a client with this filter receives the message.
    pub(super) fn accepts(&self, frame: &Frame) -> bool {
        let is_latest = frame.newest_run.is_some() && frame.label.run == frame.newest_run;
        !frame.is_forgotten.load(Ordering::Relaxed) && self.accepts_label(&frame.label, is_latest)
    }

    /// Returns whether the filter selects a message with this label, from the run that started last
    /// if `is_latest`.
    pub(super) fn accepts_label(&self, label: &Label, is_latest: bool) -> bool {
        let is_selected = |run: &str| {
            self.runs.iter().any(|selector| match selector {
                SubscribedRun::All => true,
                SubscribedRun::Latest => is_latest,
                SubscribedRun::Uuid(uuid) => uuid == run,
            })
        };
        let is_deleted = label.kind != MessageKind::RunDeleted
            && label
                .run
                .as_ref()
                .is_some_and(|run| self.deleted.contains(run));
        let run = label.run.as_deref();
        let is_run = !is_deleted && run.map_or(self.with_server, is_selected);
        let is_kind = |kinds: &Vec<MessageKind>| kinds.contains(&label.kind);
        is_run && label.detail <= self.detail && self.kinds.as_ref().is_none_or(is_kind)
    }
}

/// A message of a client.
#[derive(Debug, PartialEq)]
pub(super) enum ClientMessage {
    /// Replace the subscription.
    Subscribe(Filter),
    /// Send no more messages.
    Unsubscribe,
    /// Answer with `pong`.
    Ping,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Parsed {
    Subscribe(Subscription),
    Unsubscribe,
    Ping,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    runs: Option<Vec<String>>,
    detail: Option<String>,
    types: Option<Vec<String>>,
}

impl ClientMessage {
    /// Parses a message.
    ///
    /// # Errors
    /// If it is malformed; the text is the reason.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match serde_json::from_str(text).map_err(|error| error.to_string())? {
            Parsed::Unsubscribe => Ok(Self::Unsubscribe),
            Parsed::Ping => Ok(Self::Ping),
            Parsed::Subscribe(subscription) => subscription.filter().map(Self::Subscribe),
        }
    }
}

impl Subscription {
    fn filter(&self) -> Result<Filter, String> {
        let selector = |run: &String| match run.as_str() {
            "*" => SubscribedRun::All,
            "latest" => SubscribedRun::Latest,
            uuid => SubscribedRun::Uuid(uuid.to_owned()),
        };
        let runs = match &self.runs {
            Some(runs) => runs.iter().map(selector).collect(),
            None => vec![SubscribedRun::All],
        };
        Filter::of(runs, self.detail.as_deref(), self.types.as_deref())
    }
}

fn kind(name: &str) -> Result<MessageKind, String> {
    MessageKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = MessageKind::ALL.iter().map(|kind| kind.name()).collect();
        format!(
            "unknown type {name:?}, expected one of {}",
            names.join(", ")
        )
    })
}

fn unknown_detail(name: &str) -> String {
    let names: Vec<_> = Detail::ALL.iter().map(|detail| detail.name()).collect();
    format!(
        "unknown detail {name:?}, expected one of {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(run: Option<&str>, kind: MessageKind, detail: Detail) -> Label {
        let run = run.map(Into::into);
        Label { run, kind, detail }
    }

    fn subscribed(text: &str) -> Filter {
        match ClientMessage::parse(text) {
            Ok(ClientMessage::Subscribe(filter)) => filter,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn levels_of_detail_include_those_before_them() {
        for (at, name) in Detail::ALL.iter().enumerate() {
            let text = format!(r#"{{"type":"subscribe","detail":{:?}}}"#, name.name());
            let filter = subscribed(&text);
            for (other, detail) in Detail::ALL.iter().enumerate() {
                let label = label(Some("a"), MessageKind::Current, *detail);
                assert_eq!(filter.accepts_label(&label, false), other <= at);
            }
        }
    }

    #[test]
    fn runs_and_types_restrict_a_subscription() {
        let filter = subscribed(r#"{"type":"subscribe","runs":["a","latest"]}"#);
        let power = |run| label(run, MessageKind::PowerSample, Detail::Power);
        assert!(filter.accepts_label(&power(Some("a")), false));
        assert!(filter.accepts_label(&power(Some("b")), true));
        assert!(!filter.accepts_label(&power(Some("b")), false));
        assert!(filter.accepts_label(&power(None), false));
        let filter = subscribed(r#"{"type":"subscribe","types":["operation_metrics"]}"#);
        assert!(!filter.accepts_label(&power(Some("a")), false));
        let operations = MessageKind::OperationMetrics;
        assert!(filter.accepts_label(&label(Some("a"), operations, Detail::Operations), false));
    }

    #[test]
    fn malformed_messages_name_what_is_wrong() {
        for (text, part) in [
            ("", "EOF"),
            ("[1]", "expected"),
            ("{}", "type"),
            (r#"{"type":"dance"}"#, "dance"),
            (r#"{"type":"subscribe","run":"a"}"#, "unknown field `run`"),
            (r#"{"type":"subscribe","detail":"all"}"#, "components"),
            (r#"{"type":"subscribe","types":["power"]}"#, "power_sample"),
            (r#"{"type":"subscribe","runs":"*"}"#, "sequence"),
        ] {
            let error = ClientMessage::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
