# Packages of any suite of Debian, beside the system's own: sourced by the scripts that need some.
# The mirror is the one that this system uses; nothing of the system changes.

# apt_in FOLDER COMMAND...: an apt of its own, told of one suite by FOLDER/sources.list
apt_in() {
  local at=$1
  shift
  "$@" -o Dir::Etc::sourcelist="$at/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State="$at/state" -o Dir::State::status="$at/status" -o Dir::Cache="$at/cache" \
    -o Acquire::Languages=none -o APT::Sandbox::User= -o Debug::NoLocking=true
}

# debian_mirror: where the system's own packages come from
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' | grep -v -e -security |
    awk '$2 == "main" { print $1 }' | sort | uniq -c | sort -rn |
    awk 'NR == 1 { print $2; found = 1 } END { exit !found }'
}

# suite FOLDER NAME: a folder for apt_in, below FOLDER, that knows the suite of this name
suite() {
  local at=$1/$2 mirror
  if [ ! -e "$at/ready" ]; then
    mkdir -p "$at/state/lists/partial" "$at/cache/archives/partial"
    touch "$at/status"
    mirror=$(debian_mirror) || return 1
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" > "$at/sources.list"
    apt_in "$at" apt-get -qq update >&2 || return 1
    touch "$at/ready"
  fi
  echo "$at"
}
