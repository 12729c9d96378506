"""Chat fixtures: short templates in the styles of several families, and what transformers makes of them.

    pip install transformers tokenizers jinja2
    python make_chats.py FIXTURES       # reads FIXTURES/tokenizers/byte_level.json, writes FIXTURES/chats.json

The templates are written for this test; they ask of the engine what those of Llama 3, Qwen 2.5, Gemma and Mistral ask.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from unittest import mock

import jinja2
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

TODAY = datetime(2024, 7, 5)

LLAMA3 = """{{- bos_token }}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: ipython\\n" }}{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN = """{%- if tools %}
    {{- '<|im_start|>system\\n# Tools\\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{%- endfor %}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>system\\nYou answer briefly.<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(last_user=-1) %}
{%- for message in messages[::-1] %}
    {%- if message.role == 'user' and ns.last_user < 0 %}
        {%- set ns.last_user = messages | length - loop.index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {%- set content = message.content %}
        {%- if '</think>' in content %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- if loop.index0 == ns.last_user %}{{- ' (last)' }}{%- endif %}
        {{- '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}
    {% if (message['role'] == 'assistant') %}
{% set role = 'model' %}
    {% else %}
{% set role = message['role'] %}
    {% endif %}
{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}
{% endfor %}
{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}
"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
        {{- raise_exception("After the optional system message, roles must alternate") }}
    {%- endif %}
    {%- set ns.index = ns.index + 1 %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- else %}
        {{- " " + message["content"] | trim + eos_token }}
    {%- endif %}
{%- endfor %}
{{- user_messages | length }}
"""

PYTHON = """{% macro header(role) %}[{{ role.upper() }}|{{ role.title() }}]{% endmacro %}
{% for message in messages %}
    {% if message.content.strip().startswith('#') %}{% continue %}{% endif %}
    {% if message.content.endswith('STOP') %}
        {% break %}
    {% endif %}
{{ header(message.role) }} {{ message | tojson }}
{% generation %}
{{ message.content.replace('a', 'A').strip() }}{% endgeneration %}
{% for key, value in message.items() %}{{ key }}={{ value.split(' ') | length }}{{ ', ' if not loop.last }}{% endfor %}

  {{ message.get('name', 'nobody') }} {{ loop.first }} {{ tools }} {{ message.content is string }} {{ message.missing }}!
{% endfor %}
{{ messages | map(attribute='role') | join('/') }} {{ messages | length }} {{ [1, 2] | tojson(indent=2) }}
{% if add_generation_prompt and messages[-1].role == 'user' -%}
    assistant{{ ':' ~ 1 }}
{%- endif %}
"""

TEMPLATES = dict(llama3=LLAMA3, qwen=QWEN, gemma=GEMMA, mistral=MISTRAL, python=PYTHON)


def chat(*turns: str) -> list[dict]:
    roles = dict(s="system", u="user", a="assistant")
    return [dict(role=roles[turn[0]], content=turn[2:]) for turn in turns]


CHATS = [
    chat("u:Name three fruits."),
    chat("s:You are a pirate. ", "u:  Name <three> fruits & \"nuts\".\n"),
    chat("u:Hello", "a: Hi there!\n", "u:And a banana?"),
    chat("s:Be kind.", "u:Hello", "a:<think>\nWhat now?\n</think>\n\nHi – ‘você’ 🦊", "u:Bye STOP"),
    chat("u:One", "u:Two"),
    chat("u:# only a comment", "a:fine"),
    chat("u:Hello", "a:The end"),
]


class Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return TODAY


def main() -> None:
    fixtures = Path(sys.argv[1])
    out = []
    with mock.patch.object(chat_template_utils, "datetime", Frozen):
        for name, template in TEMPLATES.items():
            tokenizer = PreTrainedTokenizerFast(
                tokenizer_file=str(fixtures / "tokenizers" / "byte_level.json"),
                bos_token="<|begin_of_text|>",
                eos_token="<|end_of_text|>",
                chat_template=template,
            )
            cases = []
            for messages in CHATS:
                for generation in (False, True):
                    case = dict(messages=messages, add_generation_prompt=generation)
                    try:
                        case["text"] = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generation)
                        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=generation, return_dict=False)
                        assert tokenizer.encode(case["text"], add_special_tokens=False) == ids
                        case["ids"] = ids
                    except jinja2.exceptions.TemplateError as error:
                        case["error"] = str(error)
                    cases.append(case)
            out.append(dict(name=name, template=template, cases=cases))
    (fixtures / "chats.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
