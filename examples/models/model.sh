# The shock index: one JSON line in, one JSON line out, until the input ends. An example, not for clinical use.
# The line with `progress` says how far it is; for work that takes seconds.
exec /usr/bin/jq --compact-output --unbuffered '
  .id as $id | {$id, progress: 0.5}, (.inputs
  | if .hr.v and .sbp.v then
      (.hr.v / .sbp.v) as $index | {$id, output: {index: ($index * 1000000 | round / 1000000), raised: ($index > 0.9)}}
    else
      {$id, error: {code: "UNSUITABLE", message: "an input is missing"}}
    end)'
