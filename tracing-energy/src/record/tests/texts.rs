//! Recordings without texts.

use super::*;

/// Records one span with values of all types and an event, capturing fields by `kept`.
fn recorded(kept: FieldCapture) -> Drawing {
    let recording = Recording::new(Detail::Spans, OnFull::Wait, 1 << 20).keeping(kept);
    record_by(recording, || {
        let secret = "a secret";
        let span = info_span!(
            "token",
            token = 3_u64,
            layer = 1_u64,
            name = "wq",
            text = secret,
            shown = %secret,
            debugged = ?secret,
            token_id = 17_u64,
            size = 5_u64,
            part = 0.5,
            is_last = true,
            late = tracing::field::Empty,
        );
        span.record("late", secret);
        let _entered = span.entered();
        tracing::info!(count = 2_u64, token_ids = 9_u64, "said {secret}");
    })
}

fn without_texts(capture: Capture) -> Drawing {
    let texts = false;
    recorded(FieldCapture { capture, texts })
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn numbers_and_node_names_are_kept_without_texts() {
    let drawing = without_texts(Capture::All);
    let kept = serde_json::json!({"size": 5, "part": 0.5, "is_last": true});
    assert_eq!(json(&drawing.fields[&1]), kept);
    assert_eq!(
        json(&drawing.span_events[0].json),
        serde_json::json!({"count": 2})
    );
    assert_eq!(drawing.nodes[0].label, "token 1 wq");
    assert_eq!(drawing.spans[&1].token, Some(3));
}

#[test]
fn texts_are_recorded_when_they_are_kept() {
    let drawing = recorded(EVERYTHING);
    let fields = json(&drawing.fields[&1]);
    for key in ["text", "shown", "late"] {
        assert_eq!(fields[key], "a secret", "{key}");
    }
    assert_eq!(fields["token_id"], 17);
    assert_eq!(
        json(&drawing.span_events[0].json)["message"],
        "said a secret"
    );
}

#[test]
fn capture_of_key_fields_without_texts_keeps_key_fields_only() {
    let drawing = without_texts(Capture::KeyFields);
    assert!(drawing.fields.is_empty() && drawing.span_events.is_empty());
    assert_eq!(drawing.nodes[0].label, "token 1 wq");
    assert_eq!(drawing.spans[&1].token, Some(3));
}
