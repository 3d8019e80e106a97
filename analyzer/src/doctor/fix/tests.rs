use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A root folder with the folders of rules, and fake system tools.
struct Machine {
    root: tempfile::TempDir,
    as_root: AsRoot,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["etc/sudoers.d", "etc/udev/rules.d", "bin"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let mut as_root = AsRoot::for_here();
        as_root.uses_sudo = false;
        as_root.folders.insert(0, root.path().join("bin"));
        Self { root, as_root }
    }

    /// Installs a shell script as a tool.
    fn tool(&self, name: &str, script: &str) {
        let path = self.root.path().join("bin").join(name);
        let log = self.root.path().join("log");
        let text = format!(
            "#!/bin/sh\necho {name} \"$@\" >> '{}'\n{script}\n",
            log.display()
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }

    fn sudoers(&self) -> Fix {
        sudoers(self.root.path(), &joe(), &[])
    }

    /// Returns the file names in the target's folder.
    fn names(&self, fix: &Fix) -> Vec<String> {
        let entries = std::fs::read_dir(fix.path.parent().unwrap()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

fn joe() -> RuleUser {
    RuleUser {
        uid: 501,
        name: "joe.doe".to_owned(),
    }
}

#[test]
fn a_rule_is_checked_in_the_folder_where_it_is_installed() {
    let machine = Machine::new();
    let fix = machine.sudoers();
    machine.tool("visudo", "exit 1");
    let refused = fix.apply(&machine.as_root).unwrap_err().to_string();
    assert!(refused.contains("visudo"), "{refused}");
    assert_eq!(
        machine.names(&fix),
        [""; 0],
        "an invalid file leaves nothing"
    );

    // The check sees the final mode and text.
    machine.tool(
        "visudo",
        &format!(
            "cp -p \"$4\" '{}'",
            machine.root.path().join("seen").display()
        ),
    );
    fix.apply(&machine.as_root).unwrap();
    assert_eq!(machine.names(&fix), ["tracing-energy"]);
    assert_eq!(std::fs::read_to_string(&fix.path).unwrap(), fix.text);
    let seen = machine.root.path().join("seen");
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), fix.text);
    for file in [&fix.path, &seen] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o440);
    }
    let log = machine.log();
    let draft = log.lines().last().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(Path::new(draft).parent(), fix.path.parent());

    fix.apply(&machine.as_root).unwrap();
    fix.undo(&machine.as_root).unwrap();
    assert_eq!(machine.names(&fix), [""; 0]);
    let refused = fix.undo(&machine.as_root).unwrap_err().to_string();
    assert!(refused.contains("no such file"), "{refused}");
}

#[test]
fn sudoers_rules_name_whole_argument_lists_for_one_user_id() {
    let intervals = [Duration::from_millis(37), Duration::from_millis(100)];
    let fix = sudoers(Path::new("/"), &joe(), &intervals);
    assert_eq!(fix.path, Path::new("/etc/sudoers.d/tracing-energy"));
    let rules: Vec<&str> = fix.text.lines().skip(1).collect();
    assert_eq!(rules.len(), 2 * 9, "usual intervals and 37 ms, each once");
    for rule in &rules {
        let start = "#501 ALL=(root) NOPASSWD: /usr/bin/powermetrics -f plist -b 0 -i ";
        assert!(rule.starts_with(start), "{rule}");
        assert!(rule.ends_with("\\,thermal"), "{rule}");
        assert!(!rule.contains(['*', '?', '[', '!']) && !rule.contains(" -o"));
    }
    assert!(rules.iter().any(|rule| rule.contains(" -i 37 -n 97297 ")));
}

#[test]
fn visudo_accepts_the_rules() {
    let visudo = Path::new("/usr/sbin/visudo");
    if !visudo.is_file() {
        eprintln!("SKIPPED: rules are not checked: /usr/sbin/visudo is not installed");
        return;
    }
    let machine = Machine::new();
    let fix = machine.sudoers();
    fix.apply(&machine.as_root).unwrap();
    assert!(fix.is_in_place());

    let broken = Fix {
        text: fix.text.replace("NOPASSWD:", "NOPASSWD"),
        ..fix.clone()
    };
    broken.apply(&machine.as_root).unwrap_err();
    assert_eq!(std::fs::read_to_string(&fix.path).unwrap(), fix.text);
}

#[test]
fn files_of_others_and_links_are_left_alone() {
    let machine = Machine::new();
    let fix = udev(machine.root.path());
    std::fs::write(&fix.path, "mine\n").unwrap();
    for refused in [fix.apply(&machine.as_root), fix.undo(&machine.as_root)] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("was not written by"), "{refused}");
    }
    assert_eq!(std::fs::read_to_string(&fix.path).unwrap(), "mine\n");

    // The target of a link is not modified, even if it starts with our mark.
    let other = machine.root.path().join("other");
    std::fs::write(&other, MARK).unwrap();
    std::fs::remove_file(&fix.path).unwrap();
    std::os::unix::fs::symlink(&other, &fix.path).unwrap();
    for refused in [fix.apply(&machine.as_root), fix.undo(&machine.as_root)] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("no regular file"), "{refused}");
    }
    assert_eq!(std::fs::read_to_string(&other).unwrap(), MARK);
}

#[test]
fn a_udev_rule_takes_effect_at_once() {
    let machine = Machine::new();
    let fix = udev(machine.root.path());
    machine.tool("udevadm", "exit 0");
    fix.apply(&machine.as_root).unwrap();
    assert_eq!(
        machine.log(),
        "udevadm control --reload\nudevadm trigger --subsystem-match=powercap --action=change\n"
    );
    assert_eq!(machine.names(&fix), ["70-tracing-energy.rules"]);
    let mode = std::fs::metadata(&fix.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert!(fix.text.contains("/bin/chmod a+r /sys%p/energy_uj"));
}

#[test]
fn tools_are_not_searched_in_path_and_get_a_clean_environment() {
    let machine = Machine::new();
    let seen = machine.root.path().join("environment");
    machine.tool("udevadm", &format!("env > '{}'", seen.display()));
    udev(machine.root.path()).apply(&machine.as_root).unwrap();
    let environment = std::fs::read_to_string(&seen).unwrap();
    assert!(environment.contains("PATH=/usr/bin:/bin:/usr/sbin:/sbin\n"));
    // Cargo sets it for every test.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert!(!environment.contains("CARGO_MANIFEST_DIR"), "{environment}");

    let mut nowhere = AsRoot::for_here();
    nowhere.folders = vec![machine.root.path().join("etc")];
    let refused = udev(machine.root.path()).undo(&nowhere).unwrap_err();
    assert!(
        refused.to_string().contains("rm is in none of"),
        "{refused}"
    );
}
