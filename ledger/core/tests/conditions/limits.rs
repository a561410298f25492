//! How much one condition may be, before Cedar's parser sees it: at each limit it is parsed, checked and
//! evaluated on a small stack, and one step beyond it is refused.

use ledger_core::entry::Code;
use ledger_core::policy::{
    CONDITION_BYTES_MAX, CONDITION_NESTING_MAX, CONDITION_OPERATORS_MAX, Policy,
};

use super::ledger::seconds;
use super::scene::{POLICY, Scene, said};

/// What threads of a server have.
const STACK: usize = 2 * 1024 * 1024;

/// What is said of these conditions, where anything is.
fn refused(text: &str) -> Option<String> {
    let files = [("policy.toml", POLICY), ("a.cedar", text)];
    let errors = Policy::parse(&files).err()?;
    Some(errors.errors[0].to_string())
}

fn condition(clauses: &str) -> String {
    format!("@id(\"it\") permit (principal, action, resource) {clauses};")
}

fn when(expression: &str) -> String {
    condition(&format!("when {{ {expression} }}"))
}

fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(test);
    thread.unwrap().join().unwrap();
}

type Growing = fn(usize) -> String;

/// Conditions that hold for the first read, each deeper with `n` in a way of its own.
const GROWING: [(&str, Growing); 12] = [
    ("or", |n| {
        when(&format!(
            "context.undoes{} || context.tier == 0",
            " || context.undoes".repeat(n)
        ))
    }),
    ("and", |n| {
        when(&format!(
            "context.tier == 0{}",
            " && context.hour < 24".repeat(n)
        ))
    }),
    ("sum", |n| {
        when(&format!("context.tier{} == 0", " + 0".repeat(n)))
    }),
    ("difference", |n| {
        when(&format!("context.tier{} == 0", " - 0".repeat(n)))
    }),
    ("product", |n| {
        when(&format!("context.tier{} == 0", " * 2".repeat(n)))
    }),
    ("else if", |n| {
        let link = "if context.undoes then context.undoes else ";
        when(&format!("{}context.tier == 0", link.repeat(n)))
    }),
    ("if if", |n| {
        let (if_, then) = ("if ", " then context.tier == 0 else context.undoes");
        when(&format!(
            "{}context.tier == 0{}",
            if_.repeat(n),
            then.repeat(n)
        ))
    }),
    ("clauses", |n| {
        condition(&"when { context.tier == 0 }".repeat(n + 1))
    }),
    ("unless", |n| {
        condition(&"unless { context.undoes }".repeat(n + 1))
    }),
    ("members", |n| {
        when(&format!("{}{{a: context.tier}}.a == 0", "0 + ".repeat(n)))
    }),
    ("sets", |n| {
        let set = "[context.tier].contains(0) && ";
        when(&format!("{}context.tier == 0", set.repeat(n)))
    }),
    ("brackets and operators", |n| {
        let (deep, wide) = (n.min(CONDITION_NESTING_MAX - 1), " || context.undoes");
        when(&format!(
            "{}context.tier == 0{}{}",
            "(context.undoes || ".repeat(deep),
            wide.repeat(n - deep),
            ")".repeat(deep)
        ))
    }),
];

#[test]
fn the_largest_conditions_are_evaluated_on_a_small_stack() {
    on_a_small_stack(|| {
        for (what, condition) in GROWING {
            let too_many = |n: &usize| {
                refused(&condition(*n)).is_some_and(|said| said.contains("too many operators"))
            };
            let most = (0..CONDITION_OPERATORS_MAX)
                .rev()
                .find(|n| !too_many(n))
                .unwrap();
            assert!(most > 20 && too_many(&(most + 1)), "{what}: {most}");
            let mut scene = Scene::new(&condition(most));
            let request = scene.request("crm.read");
            let decision = scene.decide(request, seconds(1));
            assert_eq!(
                said(&decision),
                [(Code::ConditionPermit, Some("it"))],
                "{what}: {most}"
            );
        }
    });
}

#[test]
fn operators_are_counted_to_one() {
    // Three brackets, `when` and `!`; a dot for each term, and `||` between two.
    let terms = |n: usize| when(&format!("!{}", vec!["context.undoes"; n].join(" || ")));
    assert_eq!(CONDITION_OPERATORS_MAX, 5 + 62 + 61);
    assert_eq!(refused(&terms(62)), None);
    // Strings and comments count for nothing.
    let quiet = format!(
        "context has seller && context.seller != \"{0}\" // {0}\n",
        "((.!-".repeat(200)
    );
    assert_eq!(refused(&when(&quiet)), None);
    let said = refused(&format!("// a\n{}", terms(63))).unwrap();
    assert_eq!(
        said,
        "a.cedar:2: is in a condition with too many operators, dots and brackets: expected at most 128; \
         split it into several conditions, or ask one set with `contains`"
    );
    // Each condition has its own.
    let two = format!("{}\n{}", terms(62), terms(62).replace("\"it\"", "\"its\""));
    assert_eq!(refused(&two), None);
}

#[test]
fn brackets_are_nested_so_deep_and_no_deeper() {
    on_a_small_stack(|| {
        let pairs = [
            ("(", ")", "context.tier == 0"),
            ("!(", ")", "context.tier == 0"),
            ("!!!!(", ")", "context.tier == 0"),
            ("[", "] == []", "context.tier"),
            ("{a: ", "}.a", "context.tier == 0"),
            ("[context.tier].contains(", ")", "context.tier"),
            ("if (", ") then true else false", "context.tier == 0"),
        ];
        for (open, close, inner) in pairs {
            let nested = |n: usize| when(&format!("{}{inner}{}", open.repeat(n), close.repeat(n)));
            // The clause's own is one. Whether types agree is not asked here.
            let said = refused(&nested(CONDITION_NESTING_MAX - 1)).unwrap_or_default();
            assert!(
                !said.contains("nested") && !said.contains("operators"),
                "{said}"
            );
            let said = refused(&nested(CONDITION_NESTING_MAX)).unwrap();
            assert!(
                said.starts_with(
                    "a.cedar:1: is nested too deeply: expected brackets at most 16 deep; "
                ),
                "{said}"
            );
        }
        let deep = |n: usize| {
            when(&format!(
                "{}context.tier == 0{}",
                "(".repeat(n),
                ")".repeat(n)
            ))
        };
        assert_eq!(refused(&deep(CONDITION_NESTING_MAX - 1)), None);
    });
}

#[test]
fn no_text_overflows_a_small_stack() {
    on_a_small_stack(|| {
        const MANY: usize = 20_000;
        for (open, inner, close) in [
            ("(", "true", ")"),
            ("[", "", "]"),
            ("{a: ", "1", "}"),
            ("(", "true", ""),
            ("", "true", ")"),
            ("( ] ", "true", ""),
            ("(;", "true", ""),
            ("// (\r(", "true", ")"),
            ("\"\\\"\" == (", "1", ")"),
            ("!", "true", ""),
            ("-", "1", ""),
            ("if ", "true", " then true else true"),
            ("true && ", "true", ""),
            ("", "context", ".a"),
            ("", "context", "[\"a\"]"),
            ("", "context has a", ".a"),
            ("", "context", " is Agent in context"),
            ("Agent::", "\"a\"", ""),
            ("f(", "1", ")"),
            ("context.f(", "1", ")"),
        ] {
            let (open, close) = (open.repeat(MANY), close.repeat(MANY));
            let bounded = format!("{open}{inner}{close}");
            for text in [when(&bounded), bounded, format!("{open};")] {
                assert!(refused(&text).is_some(), "{}", &text[..80]);
            }
        }
        let clauses = condition(&"when { context.tier == 0 }".repeat(9_000));
        assert!(refused(&clauses).unwrap().contains("too many operators"));
    });
}

#[test]
fn a_condition_is_so_long_and_no_longer() {
    let sized = |bytes: usize| {
        let (begin, end) = (
            "@id(\"it\") permit (principal, action, resource) when { context has seller && context.seller != \"",
            "\" };",
        );
        let filler = "x".repeat(bytes - begin.len() - end.len());
        format!("// What stands before it is free.\n{begin}{filler}{end}")
    };
    assert_eq!(refused(&sized(CONDITION_BYTES_MAX)), None);
    let said = refused(&sized(CONDITION_BYTES_MAX + 1)).unwrap();
    assert_eq!(
        said,
        "a.cedar:2: begins a condition that is too long: expected at most 8192 bytes; split it into several \
         conditions"
    );
}

#[test]
fn strings_and_brackets_come_in_pairs() {
    for (text, expected) in [
        (
            "context.tier == 0 && \"a",
            "a.cedar:3: holds a string that does not end; close it with `\"`",
        ),
        (
            "context.tier == 0 && \"a\\\" };",
            "a.cedar:3: holds a string that does not end; close it with `\"`",
        ),
        (
            "\"a\\\n\" == \"a\"",
            "a.cedar:3: holds a string that does not end; close it with `\"`",
        ),
        (
            "\n(context.tier == 0]",
            "a.cedar:4: has a `]` that closes nothing; open and close brackets in pairs",
        ),
    ] {
        let text =
            format!("// it\n@id(\"it\") permit (principal, action, resource)\nwhen {{ {text} }};");
        assert_eq!(refused(&text).unwrap(), expected, "{text}");
    }
}

#[test]
fn functions_of_extension_types_are_refused_by_name() {
    for (function, call) in [
        ("ip", "ip(\"127.0.0.1\").isLoopback()"),
        ("decimal", "decimal(\"1.5\").lessThan(decimal(\"2.0\"))"),
        (
            "datetime",
            "datetime(\"2026-11-23\") == datetime(\"2026-11-23\")",
        ),
        ("duration", "duration (\"1h\") == duration(\"60m\")"),
        (
            "datetime",
            "context.tier == 0 && (datetime // at\n (\"2026-11-23\")).toTime() == 1",
        ),
        ("ip", "Net::ip(\"127.0.0.1\").isLoopback()"),
        ("tomorrow", "tomorrow()"),
    ] {
        let text = format!("// it\n{}", when(call));
        let said = refused(&text).unwrap();
        assert_eq!(
            said,
            format!(
                "a.cedar:2: `{function}` is a function, and conditions have none: Cedar's extension types \
                 (`datetime`, `decimal`, `duration`, `ip`) are left out; compare numbers and strings: \
                 docs/conditions.md says what there is"
            )
        );
    }
    // Methods of sets, and words before a bracket, are no such functions.
    for fine in [
        "context.objects.containsAny([\"ip\", \"decimal(\"])",
        "if (context.tier == 0) then (context.hour < 12) else (context.hour > 12)",
        "action in ([Action::\"crm.read\"]) || !(context.undoes)",
    ] {
        assert_eq!(refused(&when(fine)), None, "{fine}");
    }
}
