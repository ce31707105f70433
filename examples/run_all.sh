#!/usr/bin/env bash
# Runs every example for real, and checks what it says.
#
#     examples/run_all.sh
#     examples/run_all.sh --build                     builds them, and runs nothing
#     examples/run_all.sh --windows PROGRAM FOLDER    those of Windows, which are in that folder, by
#                                                     PROGRAM (Wine), with peers of Linux
#
# Needs bash and cargo, with `--windows` python3, too. Servers take free ports; everything is bounded by `timeout`.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --package quickrpc-examples --examples
if [ "${1:-}" = --build ]; then
  exit
fi
target=$(cargo metadata --no-deps --format-version 1 |
  sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
native=$target/debug/examples
launch=() bin=$native exe="" windows=false
if [ "${1:-}" = --windows ]; then
  launch=("$2") bin=$3 exe=.exe windows=true
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# Runs an example to its end: run <status> <name> <arguments>. What it said is in $output.
run() {
  local expected=$1 name=$2 status=0
  shift 2
  output=$(timeout 60 "${launch[@]}" "$bin/$name$exe" "$@" 2>&1) || status=$?
  [ "$status" -eq "$expected" ] ||
    fail "$name $* ended with $status instead of $expected, saying: $output"
}

# Ends a server as Ctrl-C does, which is an orderly end.
end() {
  kill -INT "$1"
  wait "$1" || fail "ended with $? at Ctrl-C"
}

# The output has this text.
says() {
  [[ $output == *"$1"* ]] || fail "expected \"$1\" in: $output"
}

# Reads lines from a descriptor until one contains the text; it is in $line.
await() {
  local from=$1 text=$2 seen=""
  while IFS= read -r -t 30 -u "$from" line; do
    [[ $line == *"$text"* ]] && return
    seen+="$line"$'\n'
  done
  fail "\"$text\" did not come, only: $seen"
}

# The port that a server listens on, from the next of its lines that says so, in $port.
await_port() {
  await "$1" "Listening on "
  local address=${line#*Listening on }
  address=${address%%. *}
  port=${address##*:}
}

try_calculator() {
  run 0 calculator 7 2
  says "7 + 2 = 9"
  says "7 / 2 = 3"
  says "7 + 2 + 100 = 109, after a while"
  says "no meaning within 50ms"
  says "green says 9, red says 9"
  run 0 calculator 1 0
  says "1 / 0: nobody can divide by zero (code 400)"
}

try_config() {
  run 0 config --check
  says "The file is fine."
  run 1 config examples/config_wrong.toml
  says "expected a port number from 0 to 65535, found \`90000\`"
  says "examples/config_wrong.toml:10:38"
  says "                                         ^"
  run 1 config no_such_file.toml
  says "cannot read no_such_file.toml"

  coproc SERVER { exec timeout 60 "${launch[@]}" "$bin/config$exe" 2>&1; }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
  printf 'hello[1]\nhello[2] name:"you"\n' >&"$tcp"
  await "$tcp" '[1]:"Hello, world!"'
  await "$tcp" '[2]:"Hello, you!"'
  exec {tcp}>&-
  await_port "$from"
  exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
  printf '{"jsonrpc":"2.0","method":"hello","params":{},"id":"a"}\n' >&"$tcp"
  await "$tcp" 'Hello, world!'
  exec {tcp}>&-
  end "$server"
}

try_custom_codec() {
  local codec
  for codec in 'query' 'query?separator=;' 'terse' 'jrpc'; do
    run 0 custom_codec "$codec"
    says "on the wire: #1 add?a=2&b=3"
    says "as \`$codec\`: 2 + 3 = 5"
    says "as an object: 2 + 3 = 5"
  done
  run 1 custom_codec 'query?sep=;'
  says "unknown option \`sep\`"
}

# The server with people on TCP and stdin, the client, and the ends of both.
try_echo() {
  local name=$1 tcp other
  coproc SERVER {
    exec timeout 60 "${launch[@]}" "$bin/echo$exe" --transport 'mux:(tcpserv:127.0.0.1:0)(stdio:)' 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]} to=${SERVER[1]}
  await_port "$from"
  await "$from" "quit"

  exec {tcp}<>"/dev/tcp/127.0.0.1/$port" {other}<>"/dev/tcp/127.0.0.1/$port"
  await "$from" "is here."
  await "$from" "is here."
  printf 'add[1] a:2 b:3\r\nsay text:"hello"\r\nadd[2] a:2\nno\nadd/3 a:1 b:1\n' >&"$tcp"
  await "$tcp" '[1]:5'
  await "$tcp" 'echo text:"hello"'
  await "$tcp" '[2]! message:"missing argument `b`'
  await "$tcp" '[3]:2'
  await "$other" 'echo text:"hello"'
  await "$from" 'echo text:"hello"'

  printf 'quit\n' >&"$tcp"
  await "$from" "Disconnect 127.0.0.1:"
  IFS= read -r -t 30 -u "$tcp" line && fail "not disconnected, but got: $line"
  exec {tcp}>&-

  run 0 echo_client --transport "tcp:localhost:$port" hello world
  says "hello world"
  await "$other" 'echo text:"hello world"'
  output=$(printf 'one\ntwo "and a half"\n' |
    timeout 60 "${launch[@]}" "$bin/echo_client$exe" --transport "restart:5:tcp:127.0.0.1:$port")
  says $'one\ntwo "and a half"'

  printf 'say text:"from stdin"\nquit\n' >&"$to"
  await "$other" 'echo text:"from stdin"'
  exec {other}>&-
  wait "$server" || fail "$name: ended with $?"

  # On a socket that is a file.
  $windows || try_echo_on_a_file "$name"

  if $windows; then
    # A client of Linux, and several peers on UDP, some of which send what nobody should.
    coproc SERVER {
      exec timeout 60 "${launch[@]}" "$bin/echo$exe" --codec jrpc \
        --transport 'mux:(tcpserv:127.0.0.1:0)(udp:0?broadcast=127.255.255.255)' 2>&1
    }
    server=$SERVER_PID from=${SERVER[0]}
    await_port "$from"
    output=$(timeout 60 "$native/echo_client" --codec jrpc --transport "tcp:127.0.0.1:$port" hello)
    says "hello"
    await_port "$from"
    output=$(timeout 60 python3 tests/python/udp_peers.py "$port" 2>&1) || true
    says "three peers on UDP are served"
    end "$server"
  fi

  # A pipe into stdin is answered in full before the end.
  output=$(printf 'add[1] a:20 b:3\nsay text:"x"\n' |
    timeout 60 "${launch[@]}" "$bin/echo$exe" --transport stdio: 2>/dev/null)
  [ "$output" = $'[1]:23\necho text:"x"' ] || fail "a pipe was answered with: $output"
}

try_echo_on_a_file() {
  local name=$1
  coproc SERVER { exec timeout 60 "${launch[@]}" "$bin/echo$exe" --transport "unixserv:$scratch/chat" 2>&1; }
  local server=$SERVER_PID from=${SERVER[0]}
  await "$from" "quit"
  run 0 echo_client --transport "unix:$scratch/chat" hello
  says "hello"
  end "$server"
}

# The client alone: without a server it says what to do.
try_echo_client() {
  run 1 echo_client --transport tcp:127.0.0.1:1 hello
  says "start the server first"
  run 0 echo_client --transport "process:($bin/echo$exe --transport stdio:)" hello
  says "hello"
}

# A service at one address of this machine, found from another.
try_announcer() {
  if $windows; then
    try_announcer_between_systems
    return
  fi
  local here='bind=127.0.0.1&broadcast=127.255.255.255'
  local there='bind=127.0.0.2&broadcast=127.255.255.255'
  coproc SERVICE {
    exec timeout 60 "${launch[@]}" "$bin/announcer$exe" --description 'lab v1' --transport "udp:0?$here" 2>&1
  }
  local service=$SERVICE_PID from=${SERVICE[0]}
  await_port "$from"
  run 0 seeker --first --timeout 30 --transport "udp:$port?$there"
  says "127.0.0.1: lab v1"
  run 0 seeker --first --timeout 30 --transport "udp:$port?$there" v1
  says "127.0.0.1: lab v1"
  # As the service says itself: from its own address.
  run 0 seeker --first --timeout 30 --transport "udp:$port?$here"
  says "127.0.0.1: lab v1"
  [[ $line == *"-- --transport 'udp:$port?$here'" ]] || fail "the wrong hint: $line"
  run 1 seeker --timeout 0.05 --transport "udp:$port?$there" v2
  says "no service answered to \`v2\` within 50ms"
  end "$service"
}

# Wine takes addresses of the machine for one, and hears broadcasts only at none of them. So one
# side is always of Linux, and there are several of that.
try_announcer_between_systems() {
  local to_all='broadcast=127.255.255.255' host
  coproc SERVICE {
    exec timeout 60 "${launch[@]}" "$bin/announcer$exe" --description 'lab v1' \
      --transport "udp:0?$to_all" 2>&1
  }
  local service=$SERVICE_PID from=${SERVICE[0]}
  await_port "$from"
  for host in 2 3 4; do
    output=$(timeout 60 "$native/seeker" --first --timeout 30 \
      --transport "udp:$port?bind=127.0.0.$host&$to_all" 2>&1)
    says "127.0.0.1: lab v1"
  done
  end "$service"
  coproc SERVICE {
    exec timeout 60 "$native/announcer" --description 'lab v1' \
      --transport "udp:0?bind=127.0.0.2&$to_all" 2>&1
  }
  service=$SERVICE_PID from=${SERVICE[0]}
  await_port "$from"
  run 0 seeker --first --timeout 30 --transport "udp:$port?bind=127.0.0.1&$to_all"
  says "127.0.0.2: lab v1"
  end "$service"
}

# The seeker alone; with a service it is tried above.
try_seeker() {
  # Wine binds addresses that the machine has not.
  if ! $windows; then
    run 1 seeker --transport udp:8888?bind=203.0.113.7
    says "this machine has no such address"
  fi
  run 2 seeker --timeout=-1
  says "expected a time that can pass"
}

# Layers around calls: they time, log and refuse.
try_layers() {
  local server from tcp numbers
  coproc SERVER { exec "${launch[@]}" "$bin/layers$exe" --transport tcpserv:127.0.0.1:0 --refuse reset \
    --metrics 127.0.0.1:0 2>&1; }
  server=$SERVER_PID from=${SERVER[0]}
  await "$from" "Numbers at http://127.0.0.1:"
  numbers=${line##*127.0.0.1:} numbers=${numbers%%/*}
  await_port "$from"
  exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
  printf 'measure[1] channel:3\n' >&"$tcp"
  await "$tcp" '[1]:4.5'
  await "$from" 'measure{"channel":3}: fine, after '
  printf 'measure[2] channel:9\n' >&"$tcp"
  await "$tcp" 'code:404'
  await "$from" 'measure{"channel":9}: there are 8 channels (code 404), after '
  printf 'reset[3]\n' >&"$tcp"
  await "$tcp" 'not today'
  await "$from" 'resetnull: not today'
  exec {tcp}>&-
  exec {tcp}<>"/dev/tcp/127.0.0.1/$numbers"
  printf 'GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n' >&"$tcp"
  await "$tcp" 'rpc_calls_total{direction="in",method="measure",codec="terse",transport="tcpserv:127.0.0.1:0"} 2'
  await "$tcp" 'kind="404"} 1'
  exec {tcp}>&-
  end "$server"
}

# Work that is given up, and an end that waits for what was begun.
try_shutdown() {
  local signal server from tcp signals="TERM INT"
  # Wine hands on Ctrl-C alone.
  ! $windows || signals=INT
  for signal in $signals; do
    # With job control, or a shell without a terminal has its children ignore SIGINT.
    set -m
    coproc SERVER { exec "${launch[@]}" "$bin/shutdown$exe" --transport tcpserv:127.0.0.1:0 2>&1; }
    set +m
    server=$SERVER_PID from=${SERVER[0]}
    await_port "$from"
    exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
    printf 'calibrate[1] seconds:50\n' >&"$tcp"
    await "$from" "calibrates."
    printf 'rpc.cancel id:1\n' >&"$tcp"
    await "$from" "has given up."
    await "$tcp" '[1]! message:"the call was cancelled" code:-32800'
    printf 'calibrate[2] seconds:1\n' >&"$tcp"
    await "$from" "calibrates."
    kill -"$signal" "$server"
    await "$from" "Ending"
    printf 'calibrate[3] seconds:1\n' >&"$tcp"
    await "$tcp" 'code:-32002'
    await "$tcp" '[2]:'
    exec {tcp}>&-
    wait "$server" || fail "shutdown: ended with $?"
  done
}

# What comes bit by bit, to a person and from a program.
try_streams() {
  local server from tcp file=$scratch/upload
  coproc SERVER { exec "${launch[@]}" "$bin/streams$exe" --address 127.0.0.1:0 2>&1; }
  server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
  printf 'count[1] to:2\ncalibrate[2] channel:7\n' >&"$tcp"
  await "$tcp" 'rpc.item id:1 value:1'
  await "$tcp" '[2]:"channel 7 is fine"'
  exec {tcp}>&-
  head -c 300000 /dev/zero >"$file"
  run 0 streams --address "127.0.0.1:$port" --upload "$file"
  says "300000 bytes are there"
  end "$server"
}

# Many calls in one thread that await, one that is given up, and the end.
try_tasks() {
  run 0 tasks --transport tcpserv:127.0.0.1:0 --calls 500
  says "500 calls slept for 100 s"
  says "Given up."
  says "Stopped."
}

# Keys, and a server and clients that use them.
try_keygen() {
  local keys=$scratch/keys.toml security secret
  run 0 keygen alice bob --role admin --out "$keys"
  $windows || [ "$(stat -c %a "$keys")" = 600 ] || fail "the keys file can be read by others"
  run 1 keygen alice --out "$keys"
  says "File exists"
  run 2 keygen 'a b'
  says "expected letters, digits"
  run 1 keygen --pair a b
  says "a pair is for one user"
  run 0 keygen --pair hub --out "$scratch/hub.toml"
  printf '%s\n' "$output" >"$scratch/hub.public"
  run 0 keygen --pair alice --out "$scratch/alice.toml"
  printf '%s\n' "$output" >>"$scratch/hub.toml"
  cat "$scratch/hub.public" >>"$scratch/alice.toml"
  for security in hmac seal pair; do
    local hub="$security:hub?keys=$keys" alice="$security:alice?keys=$keys&to=hub"
    if [ "$security" = pair ]; then
      hub="seal:hub?keys=$scratch/hub.toml" alice="seal:alice?keys=$scratch/alice.toml&to=hub"
    fi
    coproc SERVER {
      exec timeout 60 "${launch[@]}" "$bin/echo$exe" --codec jrpc --security "$hub" \
        --transport 'tcpserv:127.0.0.1:0' 2>&1
    }
    local server=$SERVER_PID from=${SERVER[0]}
    await_port "$from"
    run 0 echo_client --codec jrpc --security "$alice" --transport "tcp:127.0.0.1:$port" hello
    says "hello"
    run 1 echo_client --codec jrpc --security "hmac:carl?keys=$scratch/hub.toml" \
      --transport "tcp:127.0.0.1:$port" hello
    says "no greeting by security"
    end "$server"
  done
  # From the environment.
  secret=$(sed -n 's/^keys = \["\(.*\)"\]/\1/p' "$keys" | head -n 1)
  HUB_KEY=$secret run 0 echo_client --codec jrpc --security 'hmac:alice?env=HUB_KEY' \
    --transport "process:($bin/echo$exe --codec jrpc --transport stdio: --security hmac:hub?env=HUB_KEY)" \
    hello
  says "hello"
  HUB_KEY=no run 1 echo_client --codec jrpc --security 'hmac:alice?env=HUB_KEY' hello
  says "a secret must"
}

# The page by HTTP and people on telnet; the page itself is tested in a browser elsewhere.
try_chat() {
  local web tom ann
  coproc SERVER {
    exec timeout 60 "${launch[@]}" "$bin/chat$exe" --interface 127.0.0.1 --port 0 --telnet 0 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  exec {web}<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$web"
  await "$web" 'HTTP/1.1 200 OK'
  await "$web" '<script type="module" src="chat.js">'
  exec {web}>&-
  await_port "$from"
  exec {ann}<>"/dev/tcp/127.0.0.1/$port" {tom}<>"/dev/tcp/127.0.0.1/$port"
  await "$ann" 'people names:[]'
  printf 'nick[1] name:"ann"\n' >&"$ann"
  await "$ann" '[1]:"ann"'
  await "$tom" 'joined name:"ann"'
  printf 'nick[1] name:"ann"\nsay text:"hello"\nnick[2] name:""\n' >&"$tom"
  await "$tom" '[1]:"ann 2"'
  await "$ann" 'said name:"ann 2" text:"hello" time:'
  await "$tom" '[2]! message:"a name has 1 to 30 characters, not 0"'
  printf 'recent[2]\n' >&"$ann"
  await "$ann" '[2]:[{name:"ann 2" text:"hello" time:'
  exec {tom}>&-
  await "$ann" 'left name:"ann 2"'
  exec {ann}>&-
  end "$server"
  run 1 chat --port 0 --telnet 0 --files no_such_folder
  says "no_such_folder"
}

# The page by HTTP, somebody on telnet, and a program; the page itself is tested in a browser
# elsewhere.
try_supply() {
  local web ann port_web
  coproc SERVER {
    exec timeout 60 "${launch[@]}" "$bin/supply$exe" --interface 127.0.0.1 --port 0 --telnet 0 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  port_web=$port
  exec {web}<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$web"
  await "$web" 'HTTP/1.1 200 OK'
  await "$web" '<script type="module" src="supply.js">'
  exec {web}>&-
  await_port "$from"
  exec {ann}<>"/dev/tcp/127.0.0.1/$port"
  await "$ann" 'measured_changed value:0.0'
  printf 'get_voltage[1]\nset_voltage[2] value:31\n' >&"$ann"
  await "$ann" '[1]:0.0'
  await "$ann" '[2]! message:"the voltage goes from 0 to 30 V, not to 31 V"'
  run 0 supply --lab "127.0.0.1:$port_web" --set 5
  says "127.0.0.1:$port_web is set to 5 V"
  says "5 V are there"
  await "$ann" 'voltage_changed value:5.0'
  await "$ann" 'measured_changed value:5.0'
  run 1 supply --lab "127.0.0.1:$port_web" --set=-1
  says "the voltage goes from 0 to 30 V, not to -1 V"
  exec {ann}>&-
  end "$server"
}

# The page is there, and is of this library; it is tested in a browser elsewhere. A program calls.
try_inspect() {
  local web
  coproc SERVER {
    exec timeout 60 "${launch[@]}" "$bin/inspect$exe" --port 0 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  exec {web}<>"/dev/tcp/127.0.0.1/$port"
  printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&"$web"
  await "$web" 'HTTP/1.1 200 OK'
  await "$web" '<meta name="wire" content="/">'
  exec {web}>&-
  exec {web}<>"/dev/tcp/127.0.0.1/$port"
  printf 'POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s' 63 \
    '{"jsonrpc":"2.0","method":"add","params":{"a":40,"b":2},"id":1}' >&"$web"
  output=$(timeout 30 cat <&"$web")
  says '"result":42'
  exec {web}>&-
  end "$server"
}

# A Thing, for a program here, and for one in Python with the package of others.
try_oscilloscope() {
  # The package is not there.
  ! $windows || return 0
  local python=$scratch/hololinked/bin/python
  coproc SERVER {
    exec timeout 120 "${launch[@]}" "$bin/oscilloscope$exe" --interface 127.0.0.1 --port 0 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  run 0 oscilloscope --at "127.0.0.1:$port" --channel 3
  says "256 samples of channel 3, 1024 bytes; 3 V at the most"
  run 1 oscilloscope --at "127.0.0.1:$port" --channel 5
  says "there are channels 1 to 4, and no channel 5"
  python3 -m venv "$scratch/hololinked"
  "$python" -m pip install --quiet --requirement tests/python/requirements-hololinked-0.4.txt
  output=$(HOME=$scratch timeout 60 "$python" examples/examples/oscilloscope.py "tcp://127.0.0.1:$port" 2>&1)
  says "256 samples of channel 2 peak 2.0"
  says "a waveform: 1024 bytes"
  kill "$server"
  wait "$server" || true
}

# curl, and a client of ours that asks our service and one in Python at once.
try_convert() {
  local ours theirs
  coproc SERVER { exec timeout 60 "${launch[@]}" "$bin/convert$exe" --transport wsserv:127.0.0.1:0 2>&1; }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  ours=127.0.0.1:$port
  output=$(timeout 30 curl --silent --show-error --fail "http://$ours/" \
    -d '{"jsonrpc":"2.0","method":"convert","params":[20,"C","F"],"id":1}')
  [ "$output" = '{"jsonrpc":"2.0","result":68.0,"id":1}' ] || fail "curl was answered with: $output"
  exec 3< <(exec timeout 60 python3 examples/examples/convert.py 0 2>/dev/null)
  local python=$!
  await_port 3
  theirs=127.0.0.1:$port
  run 0 convert --at "http://$ours/" --at "http://$theirs/" -- -40 C F
  says "$ours: -40 C are -40.00 F"
  says "$theirs: -40 C are -40.00 F"
  run 1 convert --at "http://$ours/" 20 C R
  says 'there are C, F and K, and no `R` (code 400)'
  run 1 convert --at "http://$theirs/" 20 C R
  says "KeyError: 'R'"
  kill "$python"
  end "$server"
}

# Somebody on each of the three wires, who sees what the others pin up.
try_board() {
  local jrpc zonis juggler tcp
  coproc SERVER {
    exec timeout 60 "${launch[@]}" "$bin/board$exe" --interface 127.0.0.1 --jrpc 0 --zonis 0 --juggler 0 2>&1
  }
  local server=$SERVER_PID from=${SERVER[0]}
  await_port "$from"
  jrpc=$port
  await_port "$from"
  zonis=$port
  await_port "$from"
  juggler=$port
  exec {tcp}<>"/dev/tcp/127.0.0.1/$jrpc"
  await "$from" "is here."
  printf '%s\n' '{"jsonrpc":"2.0","method":"pin","params":{"text":"by hand"},"id":1}' >&"$tcp"
  await "$tcp" '"method":"pinned","params":{"number":1,"author":"127.0.0.1:'
  await "$tcp" '"result":1'
  run 0 board --at "ws:127.0.0.1:$zonis/ws" --codec zonis:ann "by Zonis"
  says "ann has pinned up note 2: by Zonis"
  await "$tcp" '"params":{"number":2,"author":"ann","text":"by Zonis"}'
  run 0 board --at "ws:127.0.0.1:$juggler/ws" --codec juggler:0.7 "by Juggler"
  says "has pinned up note 3: by Juggler"
  says "2. ann: by Zonis"
  await "$tcp" '"text":"by Juggler"'
  run 0 board --at "tcp:127.0.0.1:$jrpc" "by a program"
  says "4. 127.0.0.1:"
  says ": by a program"
  await "$tcp" '"text":"by a program"'
  run 1 board --at "ws:127.0.0.1:$zonis/ws" --codec zonis:ann ""
  says "a note says something"
  exec {tcp}>&-
  kill "$server"
  wait "$server" || true
}

# Workers by each kind of broker.
try_workers() {
  local port=$((20000 + RANDOM % 20000)) broker mosquitto
  if $windows || ! command -v nats-server >/dev/null; then
    printf 'SKIPPED: workers, which takes a nats-server\n'
  else
    nats-server --addr 127.0.0.1 --port "$port" >"$scratch/nats.log" 2>&1 &
    broker=$!
    until grep -q 'Server is ready' "$scratch/nats.log"; do
      kill -0 "$broker" || fail "nats-server: $(cat "$scratch/nats.log")"
      sleep 0.1
    done
    workers_by "nats:127.0.0.1:$port/farm"
    kill "$broker"
    wait "$broker" || true
  fi
  mosquitto=$(PATH=$PATH:/usr/sbin command -v mosquitto || true)
  if $windows || [ -z "$mosquitto" ]; then
    printf 'SKIPPED: workers by MQTT, which takes mosquitto\n'
  else
    port=$((20000 + RANDOM % 20000))
    printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$scratch/mosquitto.conf"
    "$mosquitto" -c "$scratch/mosquitto.conf" >"$scratch/mosquitto.log" 2>&1 &
    broker=$!
    until grep -q 'running' "$scratch/mosquitto.log"; do
      kill -0 "$broker" || fail "mosquitto: $(cat "$scratch/mosquitto.log")"
      sleep 0.1
    done
    workers_by "mqtt:127.0.0.1:$port/farm"
    kill "$broker"
    wait "$broker" || true
  fi
}

# A worker and a hub, with this between them.
workers_by() {
  local workers=() from
  set -m
  coproc WORKER { exec "$bin/workers" --transport "$1" work 2>&1; }
  set +m
  workers=$WORKER_PID from=${WORKER[0]}
  await "$from" "Working."
  run 0 workers --transport "$1" ask 3
  says "below 1000: 997, by process"
  says "below 3000: 2999, by process"
  end "$workers"
  run 1 workers --transport "$1" ask 1
  says "nobody"
}

# Neovim, of which the program marks what is written twice.
try_prose() {
  # A Unix socket is what it takes.
  ! $windows || return 0
  local socket=$scratch/nvim editor server marks=0
  printf 'This is is a letter.\n' >"$scratch/letter.txt"
  timeout 60 nvim --headless --clean --listen "$socket" "$scratch/letter.txt" </dev/null >/dev/null 2>&1 &
  editor=$!
  timeout 30 sh -c 'until [ -S "$1" ]; do sleep 0.05; done' sh "$socket" || fail "Neovim does not listen"
  timeout 60 "$bin/prose" "$socket" &
  server=$!
  until [ "$marks" = 1 ]; do
    kill -0 "$server" || fail "prose ended before it had marked anything"
    # It tells the result as it tells errors.
    marks=$(timeout 30 nvim --server "$socket" --remote-expr 'luaeval("#vim.diagnostic.get(0)")' 2>&1)
  done
  kill "$server" "$editor"
  wait "$server" "$editor" || true
}

# A browser's calls reach a chat that the gateway knows nothing of, and what the chat tells reaches all.
try_gateway() {
  local tcp
  coproc BACKEND {
    exec timeout 60 "${launch[@]}" "$bin/echo$exe" --codec jrpc --transport tcpserv:127.0.0.1:0 2>&1
  }
  local backend=$BACKEND_PID from=${BACKEND[0]} behind=${BACKEND[1]}
  await_port "$from"
  # One coprocess at a time is what bash has; the descriptors outlive it.
  exec {from}<&"$from" {behind}>&"$behind"
  exec 3< <(exec timeout 60 "${launch[@]}" "$bin/gateway$exe" --back "tcp:127.0.0.1:$port" \
    --front-codec 'jrpc:\n?strict=on' --front 'mux:(wsserv:127.0.0.1:0/ws)(tcpserv:127.0.0.1:0)' 2>&1)
  local gateway=$!
  await_port 3
  local web=$port
  await_port 3
  exec {tcp}<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\n' '{"jsonrpc":"2.0","method":"add","params":{"a":2,"b":3},"id":1.50}' >&"$tcp"
  await "$tcp" '"result":5,"id":1.50}'
  printf '%s\n' '{"jsonrpc":"2.0","method":"add","params":{"a":2},"id":null}' >&"$tcp"
  await "$tcp" '"code":-32602'
  run 0 echo_client --codec jrpc --transport "ws:127.0.0.1:$web/ws" "through the gateway"
  says "through the gateway"
  await "$tcp" '"params":{"text":"through the gateway"}'
  exec {tcp}>&-
  end "$gateway"
  end "$backend"
}

for file in examples/examples/*.rs; do
  name=$(basename "$file" .rs)
  declare -F "try_$name" >/dev/null || fail "the example $name is not run here: write try_$name"
  run 0 "$name" --help
  says "Examples:"
  says "cargo run --example $name"
  "try_$name" "$name"
  printf 'ok: %s\n' "$name"
done
