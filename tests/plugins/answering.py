"""Stands for `melodylc` where a script runs it: keeps the questions, and answers what lies beside this file.

`reply.json` is the answer, without the id of the question unless it has another, or {"fails": "a line"} for a program
that ends without an answer.
"""

import json
import sys
from pathlib import Path

here = Path(__file__).parent
command, ask, asked, answer, answered = sys.argv[1:]
assert (command, ask, answer) == ("bridge", "--ask", "--answer"), sys.argv
with (here / "questions.jsonl").open("ab") as questions:
    questions.write(Path(asked).read_bytes() + b"\n")
reply = json.loads((here / "reply.json").read_text())
if "fails" in reply:
    sys.exit(reply["fails"])
said = json.loads(Path(asked).read_text(encoding="utf-8"))
Path(answered).write_text(json.dumps({"id": said["id"]} | reply))
