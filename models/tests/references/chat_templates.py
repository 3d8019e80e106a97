"""Renders chat templates with Jinja2 as Hugging Face's library sets it up.

    venv/bin/pip install transformers jinja2
    venv/bin/python models/tests/references/chat_templates.py FOLDER > templates.json
    CHAT_TEMPLATES=templates.json cargo test --release -p energy-models --test decoder \
        chat_templates -- --nocapture

Run by hand, never by a test. FOLDER has templates, `*.jinja`; without it, those of this folder
are rendered, and the output is `chat_templates.json`. Each template is rendered for a user's turn,
with a system turn before it, and with `enable_thinking` as true and false. A text of null: Jinja2
refuses the template or the turns.
"""

import datetime
import json
import sys
from pathlib import Path

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

HERE = Path(__file__).parent
NOW = 1_790_000_000
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
USER = " Why is 'é' \"a\" <b> & c?\n\tBecause\n"
CASES = [(None, {}), ("Be brief. ", {})] + [(None, {"enable_thinking": on}) for on in (True, False)]


def render(source, system, variables):
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": USER})
    now = datetime.datetime.fromtimestamp(NOW)
    try:
        return _compile_jinja_template(source).render(
            messages=messages, tools=None, documents=None, add_generation_prompt=True,
            strftime_now=now.strftime, **SPECIAL, **variables,
        )
    except (jinja2.exceptions.TemplateError, TypeError, AttributeError) as error:
        print(f"refused: {error!r}"[:150], file=sys.stderr)
        return None


def main():
    given = len(sys.argv) > 1
    paths = sorted(Path(sys.argv[1] if given else HERE / "chat_templates").glob("*.jinja"))
    templates = []
    for path in paths:
        source = path.read_text()
        cases = [
            {"system": system, "variables": variables, "text": render(source, system, variables)}
            for system, variables in CASES
        ]
        templates.append({"name": path.stem, "source": source, "cases": cases})
    rendered = {"now_s": NOW, "special": SPECIAL, "user": USER, "templates": templates}
    text = json.dumps(rendered, ensure_ascii=False, indent=1) + "\n"
    if given:
        print(text, end="")
    else:
        (HERE / "chat_templates.json").write_text(text)


if __name__ == "__main__":
    main()
