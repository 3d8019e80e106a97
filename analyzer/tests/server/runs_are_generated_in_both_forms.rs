//! A request starts `energy run` with its options; the answer has the form of the request.

use energy_data::rows::RunStatus;
use serde_json::json;

use super::generated::Generating;
use super::served::until;

const PROMPT: &str = "--db=x \"quoted\" $HOME\n<b>\u{e4}\u{1f600}</b>\n\n";

#[test]
fn our_form_is_answered_at_once_with_the_id_of_the_run() {
    let served = Generating::start();
    assert!(!served.database.exists());
    let answered = served.generate(json!({
        "prompt": PROMPT, "name": "--help", "experiment": "first", "seed": 3, "temperature": 0.5,
        "raw": false, "top_k": 9, "min_p": 0.25, "stop": ["never, ever"], "system": "Be brief.",
        "chat": {"enable_thinking": false, "name": "Ada"}, "tags": {"a": "b=c", "--d": ""}, "depth": "layer",
    }));
    assert_eq!(answered.status, 202, "{}", answered.text());
    let body = answered.json();
    let id = body["run_id"].as_str().unwrap();
    assert_eq!(
        body["events_url"],
        format!("/api/profiling/run/{id}/events")
    );
    assert_eq!(
        (&body["status"], &body["position"]),
        (&json!("running"), &json!(0))
    );
    // Its messages can be followed before it is in the file.
    served.server.json(body["events_url"].as_str().unwrap());
    served.wait_for(id, "complete");
    let run = served.run(id).unwrap().row;
    assert_eq!((run.uuid.as_str(), run.status), (id, RunStatus::Complete));
    let metadata = run.metadata;
    assert_eq!(metadata.prompt.as_deref(), Some(PROMPT));
    assert_eq!(metadata.name.as_deref(), Some("--help"));
    assert_eq!(metadata.experiment.as_deref(), Some("first"));
    assert_eq!(metadata.output_tokens, Some(5));
    let tags = [("--d", ""), ("a", "b=c")].map(|(key, value)| (key.into(), value.into()));
    assert!(
        tags.iter().all(|tag| metadata.tags.contains(tag)),
        "{:?}",
        metadata.tags
    );
    let config: serde_json::Value = serde_json::from_str(&metadata.config.unwrap()).unwrap();
    assert_eq!(config["seed"], 3);
    assert_eq!(config["top_k"], 9);
    assert_eq!(config["temperature"], 0.5);
    assert_eq!(config["min_p"], 0.25);
    assert_eq!(config["stop"], json!(["never, ever"]));
    assert_eq!(config["system"], "Be brief.");
    assert_eq!(
        config["chat"],
        json!({"enable_thinking": false, "name": "Ada"})
    );
    assert_eq!(config["depth"], "layer");
}

#[test]
fn a_client_may_wait_for_the_response() {
    let served = Generating::start();
    let answered = served.generate(json!({"wait": true}));
    assert_eq!(answered.status, 200, "{}", answered.text());
    let body = answered.json();
    let run = served.run(body["run_id"].as_str().unwrap()).unwrap().row;
    assert_eq!(body["status"], "complete");
    assert_eq!(body["response"], json!(run.metadata.response.unwrap()));
    // Without texts neither the file nor the answer has the prompt or the response.
    let answered = served.generate(json!({"wait": true, "keep_text": false}));
    let body = answered.json();
    assert_eq!((answered.status, &body["response"]), (200, &json!(null)));
    let run = served.run(body["run_id"].as_str().unwrap()).unwrap().row;
    assert_eq!((run.metadata.prompt, run.metadata.response), (None, None));
}

#[test]
fn the_form_of_existing_scripts_is_answered_when_the_run_has_ended() {
    let served = Generating::start();
    let body = json!({
        "prompt": "again and again", "modelPath": "sub/tiny.gguf", "profilingDepth": "module",
        "tags": ["x", "y=z"], "experimentName": "old",
        "config": {"temperature": 0.0, "top_k": 5, "max_tokens": 4},
    });
    let answered = served.server.post("/api/profiling/generate", &body);
    assert_eq!(answered.status, 200, "{}", answered.text());
    let body = answered.json();
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["message", "response", "runId"]);
    let run = served.run(body["runId"].as_str().unwrap()).unwrap().row;
    assert_eq!(run.status, RunStatus::Complete);
    assert_eq!(body["response"], json!(run.metadata.response.unwrap()));
    assert_eq!(run.metadata.experiment.as_deref(), Some("old"));
    assert_eq!(run.metadata.output_tokens, Some(4));
    let config: serde_json::Value = serde_json::from_str(&run.metadata.config.unwrap()).unwrap();
    assert!(config["statistics_threshold"].is_number(), "{config}");
}

#[test]
#[cfg(target_os = "linux")]
fn other_users_cannot_read_the_prompt_in_the_arguments() {
    let served = Generating::start();
    let id = served.long(json!({"prompt": "a secret prompt"}));
    let pid = served.run(&id).unwrap().row.pid;
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
    let arguments = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
    assert!(arguments.contains("--prompt-file=-"), "{arguments}");
    assert!(!arguments.contains("secret"), "{arguments}");
    let environment = String::from_utf8_lossy(&read("environ")).into_owned();
    assert!(
        environment.contains(&format!("ENERGY_RUN_ID={id}")),
        "{environment}"
    );
    assert_eq!(served.cancel(&id).status, 200);
    until("the end", || {
        served.run(&id).unwrap().row.status == RunStatus::Cancelled
    });
}
