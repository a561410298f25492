//! `ledgerctl explain`: the codebook.

use clap::Args;
use ledger_core::codebook::{self, Explanation};
use ledger_core::entry::Code;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::text::{Table, put, wrapped};

pub(crate) const EXAMPLES: &str = "\
Examples:
  ledgerctl explain                 every code and finding
  ledgerctl explain dnc.listed      one of them
  ledgerctl explain --markdown      the text of docs/reasons.md";

/// Options of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A reason code such as `dnc.listed`, or a finding such as `after_stop`
    code: Option<String>,
    /// Print the whole codebook as Markdown
    #[arg(long, conflicts_with_all = ["code", "json"])]
    markdown: bool,
}

pub(crate) fn run(context: &Context, args: &ExplainArgs) -> Result<(), Failure> {
    if args.markdown {
        return context.output.raw(codebook::markdown().as_bytes());
    }
    let Some(word) = &args.code else {
        return all(context);
    };
    let explained = codebook::lookup(word).ok_or_else(|| {
        Failure::usage(format!(
            "`{word}` is in no codebook: `ledgerctl explain` lists every code and finding"
        ))
    })?;
    let Explanation {
        meaning,
        cites,
        remedy,
        ..
    } = explained;
    let mut text = format!("{}\n", context.output.style().strong(word));
    text.push_str(&wrapped("  ", meaning));
    text.push_str(&wrapped("  cites: ", cites));
    text.push_str(&wrapped("  do:    ", remedy));
    context.output.show(&text, &object(explained))
}

fn all(context: &Context) -> Result<(), Failure> {
    let codes: Vec<Explanation> = Code::ALL.into_iter().map(codebook::code).collect();
    let findings: Vec<Explanation> = codebook::FINDINGS
        .into_iter()
        .map(codebook::finding)
        .collect();
    let style = context.output.style();
    let mut text = String::new();
    for (heading, list) in [
        ("Reasons of decisions", &codes),
        ("Findings of reports", &findings),
    ] {
        let mut table = Table::new(&["word", "meaning"]);
        for explained in list {
            table.row([explained.word.to_owned(), explained.meaning.to_owned()]);
        }
        put!(text, "{}\n{}\n", style.strong(heading), table.render("  "));
    }
    let objects = |list: &[Explanation]| list.iter().copied().map(object).collect::<Vec<_>>();
    context.output.show(
        text.trim_end(),
        &json!({ "reasons": objects(&codes), "findings": objects(&findings) }),
    )
}

fn object(explained: Explanation) -> serde_json::Value {
    json!({
        "word": explained.word,
        "meaning": explained.meaning,
        "cites": explained.cites,
        "remedy": explained.remedy,
    })
}
