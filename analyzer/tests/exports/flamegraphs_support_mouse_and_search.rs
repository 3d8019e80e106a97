//! A browser loads every kind of flamegraph, and hovering, zooming and searching work in
//! it, without an error on the console.
#![cfg(unix)]

use crate::fixture::browser::{Browser, browser};
use crate::fixture::command::{energy, errors};
use crate::fixture::sides::{RunSpec, recording};
use serde_json::json;

/// Two runs of each group.
fn runs() -> Vec<RunSpec> {
    let made = |at: i64, group: &'static str| RunSpec {
        name: group,
        tags: vec![("group", group)],
        start: at,
        energy_j: 30.0 + at as f64,
        ..RunSpec::default()
    };
    vec![
        made(0, "old"),
        made(1, "new"),
        made(2, "old"),
        made(3, "new"),
    ]
}

/// A picture within a page, by what is behind its ids.
struct Panel<'b> {
    browser: &'b mut Browser,
    ids: &'static str,
}

impl Panel<'_> {
    fn text(&mut self, id: &str) -> String {
        let ids = self.ids;
        let found = self
            .browser
            .evaluate(&format!("document.getElementById('{id}{ids}').textContent"));
        found
            .as_str()
            .unwrap_or_else(|| panic!("{id}: {found}"))
            .to_owned()
    }

    /// The middle of an element that an expression finds.
    fn middle(&mut self, element: &str) -> (f64, f64) {
        let found = self.browser.evaluate(&format!(
            "(e => [e.left + e.width / 2, e.top + e.height / 2])(({element}).getBoundingClientRect())"
        ));
        let at = |place: usize| {
            found[place]
                .as_f64()
                .unwrap_or_else(|| panic!("{element}: {found}"))
        };
        (at(0), at(1))
    }

    /// The frame of a span, as an expression.
    fn frame(&self, name: &str) -> String {
        format!(
            "[...document.querySelectorAll('#frames{} > g, #frames{} > a')]\
             .find(g => g.querySelector('title').textContent.startsWith('{name}')).querySelector('rect')",
            self.ids, self.ids
        )
    }

    fn width(&mut self, name: &str) -> String {
        let element = self.frame(name);
        let found = self
            .browser
            .evaluate(&format!("({element}).getAttribute('width')"));
        found
            .as_str()
            .unwrap_or_else(|| panic!("{name}: {found}"))
            .to_owned()
    }

    fn is_hidden(&mut self, id: &str) -> bool {
        let ids = self.ids;
        let expression = format!("document.getElementById('{id}{ids}').classList.contains('hide')");
        self.browser.evaluate(&expression) == json!(true)
    }

    fn click(&mut self, element: &str) {
        let middle = self.middle(element);
        self.browser.click(middle);
    }

    fn click_id(&mut self, id: &str) {
        let element = format!("document.getElementById('{id}{}')", self.ids);
        self.click(&element);
    }

    fn hovering_shows_the_frame(&mut self) {
        let middle = self.middle(&self.frame("mlp"));
        self.browser.hover(middle);
        let shown = self.text("details");
        assert!(shown.contains("mlp"), "{shown}");
        self.browser.hover((1.0, 1.0));
        assert_eq!(self.text("details").trim(), "");
    }

    fn clicking_zooms_and_the_button_zooms_out(&mut self) {
        let before = self.width("mlp");
        assert!(self.is_hidden("unzoom") && before != "100.0000%");
        self.click(&self.frame("mlp"));
        assert_eq!(self.width("mlp"), "100.0000%");
        assert!(!self.is_hidden("unzoom"));
        self.click_id("unzoom");
        assert_eq!(self.width("mlp"), before);
        assert!(self.is_hidden("unzoom"));
    }

    fn searching_marks_matches_and_resets(&mut self) {
        let fill = |panel: &mut Self| {
            let element = panel.frame("mlp");
            panel
                .browser
                .evaluate(&format!("({element}).getAttribute('fill')"))
        };
        let before = fill(self);
        self.browser.evaluate("window.prompt = () => '^mlp', 0");
        self.click_id("search");
        assert_ne!(fill(self), before);
        let matched = self.text("matched");
        assert!(
            matched.starts_with("Matched: ") && matched.ends_with('%'),
            "{matched}"
        );
        self.click_id("search");
        assert_eq!(fill(self), before);
        assert!(self.is_hidden("matched"));
    }
}

#[test]
fn every_flamegraph_answers_hovering_zooming_and_searching() {
    let Some(mut browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs());
    let sources: [&[&str]; 5] = [
        &["old"],
        &["group=old"],
        &["old", "--value", "self"],
        &["group=old", "--diff", "group=new"],
        &["group=old", "--diff", "group=new", "--reverse"],
    ];
    let looks: [&[&str]; 3] = [&[], &["--icicle"], &["--width", "1000"]];
    let widths: [(&str, &[&str]); 3] =
        [("energy", &[""]), ("time", &[""]), ("both", &["-0", "-1"])];
    for source in sources {
        for look in looks {
            for (by, panels) in widths {
                let what = [source, look, &["--by", by, "-o", "f.svg"]].concat();
                let output = energy(folder.path(), &[&["flamegraph"], &what[..]].concat());
                assert!(output.status.success(), "{what:?}: {}", errors(&output));
                browser.load(&folder.path().join("f.svg"), 1300, "light");
                for ids in panels {
                    let browser = &mut browser;
                    let mut panel = Panel { browser, ids };
                    panel.hovering_shows_the_frame();
                    panel.clicking_zooms_and_the_button_zooms_out();
                    panel.searching_marks_matches_and_resets();
                }
                assert!(browser.faults.is_empty(), "{what:?}: {:?}", browser.faults);
            }
        }
    }
}

/// What is zoomed and searched is kept in the address: the picture opens as it was.
#[test]
fn two_pictures_in_one_file_restore_their_own_zoom_and_search() {
    let Some(mut browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path(), &runs());
    let output = energy(
        folder.path(),
        &["flamegraph", "old", "--by", "both", "-o", "f.svg"],
    );
    assert!(output.status.success(), "{}", errors(&output));
    browser.load(&folder.path().join("f.svg"), 1300, "light");
    let mut panel = Panel {
        browser: &mut browser,
        ids: "-1",
    };
    let frame = panel.frame("mlp");
    panel.click(&frame);
    browser.evaluate("window.prompt = () => 'attention', 0");
    let mut panel = Panel {
        browser: &mut browser,
        ids: "-0",
    };
    panel.click_id("search");
    browser.call("Page.reload", json!({}));
    browser.wait("document.readyState === 'complete' && document.getElementById('matched-0')?.textContent.startsWith('Matched')");
    let mut zoomed = Panel {
        browser: &mut browser,
        ids: "-1",
    };
    assert_eq!(zoomed.width("mlp"), "100.0000%");
    let mut searched = Panel {
        browser: &mut browser,
        ids: "-0",
    };
    assert_ne!(searched.width("mlp"), "100.0000%");
    assert!(browser.faults.is_empty(), "{:?}", browser.faults);
}
