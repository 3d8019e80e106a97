//! Requests that cannot succeed are refused before a process is started.

use serde_json::json;

use super::generated::Generating;

#[test]
fn known_models_and_those_of_the_folder_are_listed() {
    let served = Generating::start();
    let list = served.server.json("/api/profiling/models");
    let models = list["models"].as_array().unwrap();
    let ids: Vec<&str> = models
        .iter()
        .map(|model| model["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["smollm2", "broken.gguf", "sub/tiny.gguf"]);
    assert_eq!(list["default"], "smollm2");
    assert_eq!(models[0]["is_cached"], false);
    let tiny = &models[2];
    assert_eq!(tiny["path"], tiny["id"]);
    assert_eq!(tiny["architecture"], "llama");
    assert_eq!(tiny["is_cached"], true);
    let file = served.folder.path().join("models/sub/tiny.gguf");
    assert_eq!(tiny["size_bytes"], std::fs::metadata(file).unwrap().len());
    assert_eq!(models[1]["architecture"], json!(null));
    let text = list.to_string();
    assert!(
        !text.contains(served.folder.path().to_str().unwrap()),
        "{text}"
    );
}

#[test]
fn other_models_are_unknown() {
    let served = Generating::start();
    let folder = served.folder.path();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("outside.gguf"), folder.join("models/link.gguf"))
        .unwrap();
    let absolute = folder.join("models/sub/tiny.gguf");
    for model in [
        "../outside.gguf",
        "sub/../../outside.gguf",
        "sub/../sub/tiny.gguf",
        "link.gguf",
        absolute.to_str().unwrap(),
        "/etc/passwd",
        "hf:owner/absent",
        "",
        "--help",
    ] {
        let answered = served.generate(json!({"model": model}));
        assert!(answered.problem(404).contains(model), "{model}");
        let body = json!({"prompt": "p", "modelPath": model});
        served
            .server
            .post("/api/profiling/generate", &body)
            .problem(404);
    }
    assert!(!served.database.exists());
}

#[test]
fn invalid_requests_start_nothing() {
    let served = Generating::start();
    for body in [
        json!({"modelPath": "sub/tiny.gguf"}),
        json!({"config": {}}),
        json!({"unknown": 1}),
        json!({"batch": 0}),
        json!({"depth": "atoms"}),
        json!({"prompt": ""}),
        json!({"prompt": null}),
        json!({"name": "n".repeat(500_000)}),
        json!({"on_busy": "wait"}),
    ] {
        let answered = served.generate(body.clone());
        assert_eq!(answered.status, 422, "{body}");
        answered.problem(422);
    }
    assert!(!served.database.exists());
}

#[test]
fn a_model_that_cannot_be_loaded_is_reported() {
    let served = Generating::start();
    let answered = served.generate(json!({"model": "broken.gguf", "wait": true}));
    let problem = answered.json();
    assert!((422..=500).contains(&answered.status), "{problem}");
    assert!(
        answered.problem(answered.status).contains("broken.gguf"),
        "{problem}"
    );
    let id = problem["run_id"].as_str().unwrap();
    let state = served.state(id);
    assert_eq!(state["status"], "failed");
    assert_eq!(state["message"], problem["detail"]);
    // Clients that follow the run receive the reason, although the run is not in the file.
    let page = served
        .server
        .json(&format!("/api/profiling/run/{id}/events"));
    let text = page.to_string();
    assert!(
        text.contains("\"error\"") && text.contains("broken.gguf"),
        "{text}"
    );
}

#[test]
fn a_prompt_that_exceeds_the_context_is_an_invalid_request() {
    let served = Generating::start();
    // The context holds 32,768 tokens.
    let prompt = "again and ".repeat(20_000);
    let answered = served.generate(json!({"prompt": prompt, "wait": true}));
    let text = answered.problem(422);
    assert!(
        text.contains("the model's context holds") && text.contains("shorten the prompt"),
        "{text}"
    );
}

#[test]
fn a_source_that_cannot_be_opened_is_reported() {
    let served = Generating::start_with(&["--source", "replay:/no/such/file.csv"]);
    for body in [
        json!({}),
        json!({"allow_modelled": true}),
        json!({"wait": true}),
    ] {
        let answered = served.generate(body);
        let problem = answered.json();
        assert!(answered.problem(503).contains("/no/such/file.csv"));
        let remedy = problem["remedy"].as_str().unwrap();
        assert!(remedy.contains("energy doctor"), "{remedy}");
    }
    let body = json!({"prompt": "p", "modelPath": "sub/tiny.gguf"});
    let answered = served.server.post("/api/profiling/generate", &body);
    answered.problem(503);
    assert!(!served.database.exists());
}

/// Without a sensor power is modelled, which a client or the user must allow.
#[test]
fn modelled_power_needs_permission() {
    let served = Generating::start_with(&[]);
    let answered = served.generate(json!({"wait": true}));
    if answered.status == 200 {
        eprintln!("SKIPPED: this machine has a sensor, opt-in of modelled power is not needed");
        return;
    }
    let problem = answered.json();
    answered.problem(503);
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(
        remedy.contains("allow_modelled") && remedy.contains("--source modelled"),
        "{remedy}"
    );
    assert!(!served.database.exists());
    let answered = served.generate(json!({"wait": true, "allow_modelled": true}));
    assert_eq!(answered.status, 200, "{}", answered.text());
}
