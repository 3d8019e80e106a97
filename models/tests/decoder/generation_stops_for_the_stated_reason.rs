//! A generation ends for the stated reason, prompts that cannot be continued are refused,
//! and a seed fixes the text.

use std::ops::ControlFlow;

use energy_models::tiny::TinyConfig;
use energy_models::{Depth, Error, GenerateOptions, Model, StopReason, TokenEvent, generate};

use crate::tiny_models::tiny_model;

fn tiny(context_length: usize) -> Model {
    let config = TinyConfig {
        context_length,
        ..Default::default()
    };
    tiny_model(&config, Depth::Module)
}

fn raw(max_tokens: usize) -> GenerateOptions {
    GenerateOptions {
        max_tokens,
        raw: true,
        ..Default::default()
    }
}

fn go_on(_: TokenEvent<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn generation_stops_for_the_stated_reason() {
    let mut model = tiny(32);
    let done = generate(&mut model, "hello", &raw(5), go_on).unwrap();
    assert_eq!(
        (done.stop, done.input_tokens, done.output_tokens),
        (StopReason::MaxTokens, 1, 5)
    );
    assert!(done.kv_cache_bytes > 0 && done.warning.is_none());

    let full = generate(&mut model, "hello", &raw(99), go_on).unwrap();
    assert_eq!(
        (full.stop, full.output_tokens),
        (StopReason::ContextFull, 31)
    );
    assert!(full.warning.unwrap().contains("room for 31"));

    let stop_at_two = |event: TokenEvent<'_>| match event.index {
        0 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    let cut = generate(&mut model, "hello", &raw(9), stop_at_two).unwrap();
    assert_eq!((cut.stop, cut.output_tokens), (StopReason::Cancelled, 2));
    assert_eq!(cut.tokens, done.tokens[..2]);
}

#[test]
fn a_stop_text_ends_the_generation_across_tokens() {
    let mut model = tiny(256);
    let whole = generate(&mut model, "hello", &raw(40), go_on).unwrap();
    let characters: Vec<(usize, char)> = whole.text.char_indices().collect();
    for start in [0, 3, characters.len() / 2] {
        let stop: String = characters[start..]
            .iter()
            .take(4)
            .map(|(_, one)| one)
            .collect();
        let expected = &whole.text[..whole.text.find(&stop).unwrap()];
        let options = GenerateOptions {
            stop: vec!["not generated".to_owned(), stop.clone()],
            ..raw(40)
        };
        let mut streamed = String::new();
        let done = generate(&mut model, "hello", &options, |event| {
            streamed.push_str(event.text);
            ControlFlow::Continue(())
        });
        let done = done.unwrap();
        assert_eq!(
            (done.text.as_str(), done.stop),
            (expected, StopReason::StopText)
        );
        assert_eq!(streamed, expected);
        assert_eq!(done.tokens, whole.tokens[..done.output_tokens]);
        assert!(done.output_tokens < 40);
    }
    let empty = GenerateOptions {
        stop: vec![String::new()],
        ..raw(4)
    };
    assert!(matches!(
        generate(&mut model, "hello", &empty, go_on),
        Err(Error::EmptyStopText)
    ));
}

#[test]
fn a_flag_cancels_before_the_first_token() {
    let cancel = Some(std::sync::Arc::new(true.into()));
    let options = GenerateOptions { cancel, ..raw(9) };
    let done = generate(&mut tiny(64), "hello", &options, go_on).unwrap();
    assert_eq!((done.stop, done.output_tokens), (StopReason::Cancelled, 0));
    // No token of the prompt was processed.
    assert_eq!((done.input_tokens, done.text.as_str()), (0, ""));
}

#[test]
fn impossible_prompts_are_refused() {
    let mut model = tiny(32);
    let mut fail = |prompt: &str| generate(&mut model, prompt, &raw(4), go_on).unwrap_err();
    assert!(matches!(fail(""), Error::EmptyPrompt));
    let long = fail(&"x".repeat(32));
    assert!(
        matches!(
            long,
            Error::PromptTooLong {
                tokens: 32,
                context: 32
            }
        ),
        "{long}"
    );
    assert!(matches!(
        model.forward(&[9999]),
        Err(Error::UnknownToken { .. })
    ));
    assert!(matches!(
        model.forward(&[5; 33]),
        Err(Error::ContextFull { .. })
    ));
}

#[test]
fn a_seed_fixes_the_text_and_the_template_frames_it() {
    let mut model = tiny(256);
    let options = GenerateOptions {
        max_tokens: 20,
        temperature: 1.5,
        seed: 3,
        ..Default::default()
    };
    let mut streamed = String::new();
    let first = generate(&mut model, "hello", &options, |event| {
        streamed.push_str(event.text);
        ControlFlow::Continue(())
    });
    let first = first.unwrap();
    let second = generate(&mut model, "hello", &options, go_on).unwrap();
    assert_eq!(first.tokens, second.tokens);
    assert!(first.text.starts_with(&streamed));
    assert!(first.input_tokens > 5);
}
