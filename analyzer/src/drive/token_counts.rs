//! Numbers of tokens: those of the server, compared with the stream.

use serde_json::{Map, Value};

use super::answer::{ServerAnswer, ServerCounts};

/// Numbers of tokens of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TokenCounts {
    /// Tokens of the prompt; `None` if the server did not report them.
    pub(super) input: Option<i64>,
    /// Generated tokens; `None` if the server did not report them.
    pub(super) output: Option<i64>,
    /// Tokens of the prompt that the server had in its cache.
    pub(super) cached: Option<i64>,
    /// Contradictions and missing numbers.
    pub(super) warnings: Vec<String>,
}

/// Compares the counts of an answer.
pub(super) fn of(answer: &ServerAnswer) -> TokenCounts {
    let of_timings = answer
        .timings
        .as_ref()
        .map(counts_of_timings)
        .unwrap_or_default();
    let mut counts = TokenCounts::default();
    counts.input = counts.chosen("prompt", answer.usage.input, of_timings.input);
    counts.output = counts.chosen("generated", answer.usage.output, of_timings.output);
    let cached = answer.usage.cached.or(of_timings.cached);
    counts.cached = cached.and_then(|cached| i64::try_from(cached).ok());
    counts.compare(answer.streamed);
    counts
}

/// Returns the counts in the times of llama.cpp. `prompt_n` is without cached tokens.
fn counts_of_timings(timings: &Map<String, Value>) -> ServerCounts {
    let number = |name: &str| timings.get(name).and_then(Value::as_u64);
    let cached = number("cache_n");
    ServerCounts {
        input: number("prompt_n").and_then(|new| new.checked_add(cached.unwrap_or(0))),
        output: number("predicted_n"),
        cached,
    }
}

impl TokenCounts {
    /// Returns the count of `usage`, or else that of the times. 0 is a placeholder of servers that do
    /// not count: a prompt has tokens, and so has an answer.
    fn chosen(&mut self, kind: &str, usage: Option<u64>, timings: Option<u64>) -> Option<i64> {
        let [usage, timings] = [usage, timings].map(|count| count.filter(|count| *count > 0));
        if let (Some(usage), Some(timings)) = (usage, timings)
            && usage != timings
        {
            self.warnings.push(format!(
                "the server contradicts itself: {usage} {kind} tokens in `usage`, {timings} in \
                 `timings`; the first number is stored"
            ));
        }
        i64::try_from(usage.or(timings)?).ok()
    }

    fn compare(&mut self, streamed: usize) {
        match (self.input, self.output) {
            (None, None) => self.warnings.push(format!(
                "the server reports no numbers of tokens: that of the prompt is unknown, and \
                 {streamed} parts of the answer were received, which may have several tokens each"
            )),
            (None, Some(_)) => self
                .warnings
                .push("the server does not report the number of prompt tokens".to_owned()),
            (Some(_), None) => self.warnings.push(format!(
                "the server does not report the number of generated tokens; {streamed} parts of the \
                 answer were received, which may have several tokens each"
            )),
            (Some(_), Some(_)) => {}
        }
        if let Some(output) = self
            .output
            .filter(|output| i64::try_from(streamed) != Ok(*output))
        {
            self.warnings.push(format!(
                "the server counts {output} generated tokens, but {streamed} were received: the \
                 server's number is stored, and times of single tokens are those of parts"
            ));
        }
        if let Some(cached) = self.cached.filter(|cached| *cached > 0) {
            let input = self.input.map_or("?".to_owned(), |input| input.to_string());
            self.warnings.push(format!(
                "{cached} of {input} prompt tokens were in the cache of the server: time and energy \
                 of prefill are those of the other tokens; disable the server's prompt cache"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(usage: [Option<u64>; 3], timings: Value, streamed: usize) -> TokenCounts {
        let [input, output, cached] = usage;
        of(&ServerAnswer {
            usage: ServerCounts {
                input,
                output,
                cached,
            },
            timings: timings.as_object().cloned(),
            streamed,
            ..ServerAnswer::default()
        })
    }

    #[test]
    fn counts_of_the_server_are_stored() {
        let times = json!({"prompt_n": 2, "cache_n": 3, "predicted_n": 6});
        let both = counts([Some(5), Some(6), Some(0)], times.clone(), 6);
        assert_eq!((both.input, both.output), (Some(5), Some(6)));
        assert_eq!(both.warnings, Vec::<String>::new());
        let times_only = counts([None; 3], times, 6);
        assert_eq!((times_only.input, times_only.output), (Some(5), Some(6)));
        assert_eq!(times_only.cached, Some(3));
        assert!(times_only.warnings[0].contains("3 of 5 prompt tokens"));
    }

    #[test]
    fn differences_are_reported_with_both_numbers() {
        let differ = counts([Some(5), Some(7), None], Value::Null, 6);
        assert_eq!(differ.output, Some(7));
        assert!(differ.warnings[0].contains("counts 7 generated tokens, but 6"));
        let times = json!({"predicted_n": 8});
        let twice = counts([Some(5), Some(6), None], times, 6);
        assert!(twice.warnings[0].contains("6 generated tokens in `usage`, 8 in `timings`"));
        assert_eq!(twice.output, Some(6));
    }

    #[test]
    fn missing_counts_stay_unknown() {
        for usage in [[None; 3], [Some(0), Some(0), None], [Some(u64::MAX); 3]] {
            let none = counts(usage, Value::Null, 6);
            assert_eq!((none.input, none.output), (None, None));
            assert!(
                none.warnings[0].contains("no numbers of tokens"),
                "{none:?}"
            );
            assert!(none.warnings[0].contains("6 parts"));
        }
        let half = counts([None, Some(6), None], Value::Null, 6);
        assert_eq!((half.input, half.output), (None, Some(6)));
        assert_eq!(half.warnings.len(), 1);
        let odd = counts([None; 3], json!({"prompt_n": -1, "predicted_n": 1.5}), 2);
        assert_eq!((odd.input, odd.output), (None, None));
    }
}
