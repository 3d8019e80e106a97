//! The body of a request.

use serde_json::{Value, json};

use super::endpoint::EndpointApi;
use super::options::DriveOptions;

/// Returns the body of a request for a continuation of `prompt`. `model` is the name that the server
/// knows. Servers of llama.cpp also get its own fields, which others may refuse.
pub(super) fn body(
    options: &DriveOptions,
    api: EndpointApi,
    prompt: &str,
    (model, is_llama_cpp): (Option<&str>, bool),
) -> Value {
    let mut body = json!({
        "stream": true,
        "temperature": options.temperature,
        "seed": options.seed,
    });
    match api {
        EndpointApi::Completions => {
            body["prompt"] = prompt.into();
            body["max_tokens"] = options.max_tokens.into();
        }
        EndpointApi::Chat => {
            body["messages"] = json!([{"role": "user", "content": prompt}]);
            body["max_tokens"] = options.max_tokens.into();
        }
        EndpointApi::Llama => {
            body["prompt"] = prompt.into();
            body["n_predict"] = options.max_tokens.into();
        }
    }
    if api != EndpointApi::Llama {
        body["stream_options"] = json!({"include_usage": true});
        if let Some(model) = model {
            body["model"] = model.into();
        }
    }
    if is_llama_cpp || api == EndpointApi::Llama {
        // Otherwise a prompt that was processed before is not processed again.
        body["cache_prompt"] = false.into();
    }
    if options.ignore_eos {
        body["ignore_eos"] = true.into();
    }
    body
}

/// Returns the prompt of the warm-up request `number`. It begins in another way, so that no cache of
/// the server has the beginning of the recorded prompt.
pub(super) fn warm_up_prompt(prompt: &str, number: usize) -> String {
    format!("{} {prompt}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_form_of_their_interface() {
        let options = DriveOptions {
            max_tokens: 5,
            seed: 3,
            ..DriveOptions::default()
        };
        let of = |api, facts| body(&options, api, "why?", facts);
        assert_eq!(
            of(EndpointApi::Completions, (Some("m"), false)),
            json!({"stream": true, "temperature": 0.0, "seed": 3, "prompt": "why?",
                   "max_tokens": 5, "stream_options": {"include_usage": true}, "model": "m"})
        );
        let chat = of(EndpointApi::Chat, (None, true));
        assert_eq!(
            chat["messages"],
            json!([{"role": "user", "content": "why?"}])
        );
        assert_eq!(chat["cache_prompt"], false);
        assert_eq!(chat["model"], Value::Null);
        let llama = of(EndpointApi::Llama, (Some("m"), false));
        assert_eq!(llama["n_predict"], 5);
        assert_eq!(llama["cache_prompt"], false);
        assert_eq!(llama["stream_options"], Value::Null);
        let endless = DriveOptions {
            ignore_eos: true,
            ..options.clone()
        };
        let body = body(&endless, EndpointApi::Chat, "", (None, false));
        assert_eq!(body["ignore_eos"], true);
    }

    #[test]
    fn warm_up_prompts_begin_in_another_way() {
        let prompts: Vec<String> = (0..3)
            .map(|number| warm_up_prompt("why?", number))
            .collect();
        assert_eq!(prompts, ["1 why?", "2 why?", "3 why?"]);
    }
}
