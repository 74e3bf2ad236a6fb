"""agreement_test.py PROGRAM: of its stacks 99 % are complete, and of those compared 99.9 % are libdw's, or all but one.

The goals over everything (99.5 % and 99.9 %) are for the long run, whose table is RESULTS.md; a few seconds of one program
have some 200 stacks, in which one of the first milliseconds of a process weighs half a percent.
"""
import json
import pathlib
import subprocess
import sys

RUN = pathlib.Path(__file__).resolve().parent / "run"
MOST_INCOMPLETE = 0.01
MOST_DIFFERENT = 0.001
FEWEST = 100

program = sys.argv[1]
done = subprocess.run([sys.executable, "-B", str(RUN), "--json", "--seconds", "4", "--only", program], capture_output=True, text=True)
if done.returncode != 0:
    sys.exit(done.stderr)
tally = json.loads(done.stdout)[program]
print(json.dumps(tally, indent=1))
stacks, complete, compared, identical = (tally.get(key, 0) for key in ("stacks", "complete", "compared", "identical"))
if stacks < FEWEST or compared < FEWEST / 2:
    sys.exit(f"only {stacks} stacks, {compared} of them compared")
if stacks - complete > max(1, MOST_INCOMPLETE * stacks):
    sys.exit(f"{stacks - complete} of {stacks} stacks are not complete")
if compared - identical > max(1, MOST_DIFFERENT * compared):
    sys.exit(f"{compared - identical} of {compared} stacks are not libdw's")
