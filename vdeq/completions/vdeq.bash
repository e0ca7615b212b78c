# bash completion for vdeq and its links.

_vdeq_options='--help -h -help --version -version --doctor -v --verbose --exec --dry-run --explain --modernize --fd-placeholder --qemu-version --timeout --reconnect --wait --control --events --ready-fd --link-state --relay --mac --switch --ports --hub --group --mgmt -M --mod -mod --mode -mode -sock --sock -vdesock --vdesock -unix --unix --'
# Those whose value is the next word.
_vdeq_required=' --qemu-version --timeout --reconnect --control --events --ready-fd --relay --mac --ports --group --mgmt -M --mod -mod --mode -mode -sock --sock -vdesock --vdesock -unix --unix '

# compgen expands the words of -W: nothing but what stands in this file may be among them.
_vdeq_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_vdeq_files() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
_vdeq_groups() { mapfile -t COMPREPLY < <(compgen -g -- "$cur"); }
_vdeq_nothing() { COMPREPLY=(); }

# The directories of switches, where they usually are, and others. In /tmp anybody can make one, of any name:
# such as a shell would read more into are not offered.
_vdeq_switches() {
    compopt -o nospace -o filenames
    local dir
    mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    for dir in ~/.vdeplug/* ~/.vde2/* /var/run/vde.ctl /run/* "${XDG_RUNTIME_DIR:-/run}"/* /tmp/*; do
        if [[ -S $dir/ctl && $dir == "$cur"* && ! $dir =~ [^[:alnum:]_./@%+:=-] ]]; then
            COMPREPLY+=("$dir")
        fi
    done
}

# One word of a list with commas; what stands before it is kept.
_vdeq_list() {
    compopt -o nospace
    local kept=
    [[ $cur == *,* ]] && kept=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$kept" -W "$1" -- "${cur##*,}")
}

_vdeq_features() { _vdeq_list 'net= pcap= stats loss= delay= jitter= dup= reorder= rate= corrupt= seed= to='; }

# The value of one of vdeq's own options.
_vdeq_value() {
    case $1 in
        --help|-h|-help) _vdeq_words 'all' ;;
        --doctor) _vdeq_words 'json' ;;
        --explain) _vdeq_words 'text json' ;;
        --qemu-version) _vdeq_nothing ;;
        --timeout) _vdeq_nothing ;;
        --reconnect) _vdeq_words 'on off' ;;
        --wait) _vdeq_nothing ;;
        --control) _vdeq_files ;;
        --events) _vdeq_files ;;
        --ready-fd) _vdeq_nothing ;;
        --relay) _vdeq_features ;;
        --mac) _vdeq_words 'auto' ;;
        --switch) _vdeq_switches ;;
        --ports) _vdeq_nothing ;;
        --group) _vdeq_groups ;;
        --mgmt) _vdeq_files ;;
        -M) _vdeq_files ;;
        --mod|-mod|--mode|-mode) _vdeq_nothing ;;
        -sock|--sock|-vdesock|--vdesock|-unix|--unix) _vdeq_switches ;;
    esac
}

# What stands behind an option of QEMU that names a network.
_vdeq_network() {
    case $cur in
        vde,*) _vdeq_list 'sock= port= group= mode= mac=' ;;
        *) compopt -o nospace; _vdeq_words 'vde vde,sock=' ;;
    esac
}

_vdeq() {
    COMPREPLY=()
    local cur=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) index program= last=
    # bash takes `=` for a word of its own.
    [[ $cur == = ]] && cur= && before=$((before + 1))
    local prev=${COMP_WORDS[before]}
    if [[ $prev == = ]]; then
        prev=${COMP_WORDS[before - 1]}
        case $prev in
            *,sock | sock) _vdeq_switches ;;
            --*) _vdeq_value "$prev" ;;
            *) _vdeq_files ;;
        esac
        return
    fi
    # Behind it every word is a switch.
    for ((index = 1; index < COMP_CWORD; index++)); do
        [[ ${COMP_WORDS[index]} == --doctor ]] && _vdeq_switches && return
    done
    # A link starts the program that it is called after.
    case ${COMP_WORDS[0]##*/} in
        vdeq | vde | vdeoq | vdeo) ;;
        *) program=0 ;;
    esac
    for ((index = 1; index < COMP_CWORD; index++)); do
        last=${COMP_WORDS[index]}
        case $last in
            =) index=$((index + 1)) ;;
            -*) [[ $_vdeq_required == *" $last "* ]] && index=$((index + 1)) ;;
            *) program=${program:-$index} ;;
        esac
    done
    if [[ $_vdeq_required == *" $prev "* ]]; then
        _vdeq_value "$prev"
    elif [[ $prev == -net || $prev == -netdev || $prev == -nic ]]; then
        _vdeq_network
    elif [[ -z $program && $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur" | grep -E '^(qemu(-system-.*)?|kvm|qemu-kvm)$' | sort -u)
    elif [[ $cur == -* ]]; then
        _vdeq_words "$_vdeq_options${program:+ -net -netdev -nic}"
    else
        _vdeq_files
    fi
}

complete -F _vdeq vdeq vdeoq vdeqemu vdekvm vdeoqemu
