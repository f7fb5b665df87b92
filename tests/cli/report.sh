#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# report: a page that is well-formed, asks for nothing outside itself, and holds tables, curves with their
# numbers and pictures that decode. verify and rerun: equal bits, and what differs, by how much and why.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >study.yaml <<'END'
advntk: 1
name: study
report: {question: "Is a <deeper> network & its seed \"worth\" it?"}
data: {dataset: digits, train: 150, validation: 60, test: 150, center: 0.5}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: {plugin: advntk, steps: 3, batch: 30, attack: {plugin: pgd, norm: linf, radius: 0.1, steps: 3}}
evaluate:
  - {name: clean}
  - {name: pgd, attack: {plugin: pgd, norm: linf, radius: [0.05, 0.1, 0.2], steps: 4, loss: mse}}
  - {name: ddn, attack: {plugin: ddn, norm: l2, radius: 0.5, steps: 6}}
sweep: {product: {model.architecture.depth: [2, 3], seed: [1, 2]}}
END
"$advntk" run study.yaml -q >out 2>err
is $? 0 "a study"
"$advntk" report study -o page.html --examples 3 >out 2>err
is $? 0 "report"
is "$(cat out)" page.html "says where the page is"
for text in "Is a &lt;deeper&gt; network &amp; its seed" "Accuracy (clean) over depth" "Robust accuracy over the radius (pgd)" \
	"images that still stand" "Robust accuracy over the distance (ddn)" "validation accuracy, attacked" "data:image/png;base64," "product: {model.architecture.depth" \
	"plugin method/advntk" "prefers-color-scheme:dark" 'name="viewport"' "all of 4 fits" "begin{tabular}"; do
	has page.html "$text" "the page has: $text"
done
"$advntk" run study.yaml -q -s name=sizes -s sweep=null --sweep 'data.train=[50,100]' >out 2>err
"$advntk" report sizes -o sizes.html >out 2>err
has sizes.html "data.train (images)" "the axis of a swept key has its unit"
cat >broken.yaml <<'END'
advntk: 1
name: broken
report:
  question: >
    Which widths
    'work'?
data: {dataset: digits, train: 60, validation: 30, test: 40, center: 0.5}
model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}
method: ntk
evaluate: [{name: clean}]
sweep: {product: {model.architecture.w_std: [1.5, 1.0e+200], model.architecture.depth: [2, 3]}}
END
"$advntk" run broken.yaml --results bad -q >out 2>err
is $? 1 "a study of which two runs fail"
"$advntk" report broken --results bad -o broken.html >out 2>err
for text in "Which widths 'work'?" "2 of 4 runs are unfinished" "is not a finite number" "No evaluation attacks" \
	"No evaluation of it attacks"; do
	has broken.html "$text" "its page has: $text"
done
"$advntk" run broken.yaml --results bad -q -s name=wide -s sweep=null --sweep 'model.architecture.b_std=[0,0.1,0.2]' \
	--sweep 'method.ridge=[0.1,1,10]' --sweep 'model.architecture.depth=[2,3]' >out 2>err
"$advntk" report wide --results bad -o wide.html >out 2>err
has wide.html "Accuracy (clean) over depth, b_std 0.1<" "more curves than a picture takes have several"
# the same runs under another name: a page of what is asked for
"$advntk" run study.yaml -q -s name=part -s 'report.curves=[robust_accuracy]' -s 'report.tables=[final]' >out 2>err
"$advntk" report part -o part.html >out 2>err
for text in "Robust accuracy over the radius (pgd)" "What came out" 'id="audit"' 'id="provenance"'; do
	has part.html "$text" "a page of robust_accuracy and final has: $text"
done
for text in "over depth" "validation accuracy, attacked" "still stand" 'id="cost"' '"#cost"' 'id="settings"'; do
	! grep -q -e "$text" part.html
	ok $? "and lacks: $text"
done
"$advntk" check study.yaml -s 'report.curves=[robust_acuracy]' -s 'report.tables={final: 1}' >out 2>err
has err "report.curves.0: got 'robust_acuracy'; did you mean 'robust_accuracy'?" "a curve that there is not"
has err "report.tables: expected a list, like [final]" "and no list"
sed 's/{question:/{questoin:/' study.yaml >typo.yaml
"$advntk" check typo.yaml >out 2>err
is $? 1 "a typing error in report"
has err "report.questoin" "is told"
cat >look.py <<'END'
import base64, re, struct, sys, zlib
from html.parser import HTMLParser
text = open("page.html", encoding="utf-8").read()
class Look(HTMLParser):
    void = {"meta", "img", "br", "link", "line", "path"}
    def __init__(self):
        super().__init__()
        self.open, self.faults, self.pictures, self.ids, self.links, self.charts = [], [], [], set(), [], 0
    def handle_startendtag(self, tag, attrs):
        self.look(tag, dict(attrs))
    def handle_starttag(self, tag, attrs):
        self.look(tag, dict(attrs))
        if tag not in self.void:
            self.open.append(tag)
    def look(self, tag, a):
        if tag in ("script", "link", "iframe"):
            self.faults.append(tag)
        if "src" in a:
            self.pictures.append(a["src"])
        if a.get("href", "#")[0] != "#":
            self.faults.append(a["href"])
        if "href" in a:
            self.links.append(a["href"][1:])
        if "id" in a:
            self.ids.add(a["id"])
        self.charts += a.get("class") == "chart"
    def handle_endtag(self, tag):
        if tag not in self.void and (not self.open or self.open.pop() != tag):
            self.faults.append("/" + tag)
look = Look()
look.feed(text)
bad = look.faults + look.open + [l for l in look.links if l not in look.ids]
if re.search(r"https?://|@import|url\(", text):
    bad.append("something outside")
for src in look.pictures:
    png = base64.b64decode(src.split(",", 1)[1], validate=True)
    if png[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">II", png[16:24]) != (8, 8):
        bad.append("no picture of 8x8")
    at, data = 8, b""
    while at < len(png):
        n, kind = struct.unpack(">I4s", png[at:at + 8])
        if zlib.crc32(png[at + 4:at + 8 + n]) != struct.unpack(">I", png[at + 8 + n:at + 12 + n])[0]:
            bad.append("a damaged picture")
        data += png[at + 8:at + 8 + n] if kind == b"IDAT" else b""
        at += 12 + n
    if len(zlib.decompress(data)) != 8 * 9:
        bad.append("a picture of another size")
if len(look.pictures) != 2 * 3 * 3 or look.charts < 4 or text.count("the numbers") != look.charts:
    bad.append("%d pictures, %d charts" % (len(look.pictures), look.charts))
if re.search(r"[ML\"]-?nan|inf[ ,\"]", re.sub(r"<pre>.*?</pre>|<td.*?</td>", "", text, flags=re.S)):
    bad.append("a coordinate that is no number")
print(bad)
sys.exit(bool(bad))
END
if python3 -c 'import html.parser' 2>/dev/null; then
	python3 look.py >out 2>&1
	code=$?
	sed 's/^/# /' out
	ok $code "is well-formed, complete in itself, and its pictures decode"
else
	skip "is well-formed" "no python3"
fi
"$advntk" report study --no-examples -o plain.html >out 2>err
is $? 0 "report --no-examples"
grep -q 'data:image' plain.html && ok 1 "attacks nothing" || ok 0 "attacks nothing"
"$advntk" report nothing -o no.html >out 2>err
is $? 1 "a report of nothing"
[ ! -f no.html ]
ok $? "writes nothing"

mkdir tmp
TMPDIR=$scratch/tmp
export TMPDIR
run=$(ls results/runs | head -n 1)
"$advntk" verify "$run" >out 2>err
is $? 0 "verify"
is "$(cat out)" "run $run: bit-equal" "says so"
"$advntk" rerun "$run" --into again >out 2>err
is $? 0 "rerun"
cmp -s "results/runs/$run/predictor.npz" "again/runs/$run/predictor.npz"
ok $? "gives the same bits in another folder"
"$advntk" rerun "$run" --into results >out 2>err
is $? 2 "and not over what is stored"
cp "results/runs/$run/metrics.jsonl" kept
sed 's/"loss": 0\.[0-9]*/"loss": 0.123/' kept >"results/runs/$run/metrics.jsonl"
"$advntk" verify "$run" >out 2>err
is $? 1 "a stored result that was changed"
has out "metrics.jsonl was changed after it was written" "is told"
has out "loss was 0.123" "with what it was"
cp kept "results/runs/$run/metrics.jsonl"
sed 's/"instruction_set": "[a-z0-9]*"/"instruction_set": "other"/' "results/runs/$run/run.json" >kept
cp kept "results/runs/$run/run.json"
"$advntk" verify "$run" --format json >out 2>err
is $? 0 "another machine that gave the same"
has out "instruction_set: was other" "is mentioned"
if [ "$("$advntk" version --verbose | grep -c avx2)" -gt 0 ] && ADVNTK_ISA=portable "$advntk" version >/dev/null 2>&1; then
	ADVNTK_ISA=portable "$advntk" verify "$run" >out 2>err
	code=$?
	has out "instruction_set: was" "other instructions are named as a reason"
	[ $code -eq 0 ] || has out "the largest gap is" "with the size of the gap"
fi
has out "$run" "of the run"
"$advntk" verify "$run" nothing >out 2>err
is $? 1 "a run that is not there"
is "$(ls tmp)" "" "verify leaves nothing behind"
done_testing
