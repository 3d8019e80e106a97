use std::sync::mpsc;

use super::*;

#[tokio::test]
async fn a_change_that_takes_long_continues_and_the_answer_reports_it() {
    let folder = tempfile::tempdir().unwrap();
    let readers = Readers::new(folder.path().join("energy.db"));
    let (go_on, wait) = mpsc::channel::<()>();
    let (done, is_done) = mpsc::channel();
    let write = move |path: &Path| -> Result<()> {
        let _ = wait.recv();
        let _ = done.send(path.to_owned());
        Ok(())
    };
    let problem = readers.change_within(Duration::from_millis(10), write);
    let problem = problem.await.unwrap_err();
    assert_eq!(problem.status(), 503);
    assert!(problem.detail().contains("it continues"), "{problem:?}");
    let json = serde_json::to_value(&problem).unwrap();
    assert_eq!(json["continues"], true);
    assert!(json["remedy"].as_str().unwrap().contains("look later"));
    let response = axum::response::IntoResponse::into_response(problem);
    assert!(!response.headers().contains_key(header::RETRY_AFTER));
    assert!(is_done.try_recv().is_err());
    go_on.send(()).unwrap();
    let written = tokio::task::spawn_blocking(move || is_done.recv());
    assert_eq!(written.await.unwrap().unwrap(), readers.path());
}

#[tokio::test]
async fn a_change_within_its_time_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let readers = Readers::new(folder.path().join("energy.db"));
    assert_eq!(readers.change(|_| Ok(5)).await.unwrap(), 5);
    let failed = readers.change(|_| -> Result<()> { Err(Error::Request("no".to_owned())) });
    assert_eq!(failed.await.unwrap_err().status(), 422);
}
