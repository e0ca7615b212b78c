# fish completion for vdeq and its links.

# Whether own options can still stand here: no program has been named, or it is the last word.
function __vdeq_leads
    set -l words (commandline -opc)
    set -l links vdeqemu vdekvm vdeoqemu
    not string match -qr -- '^[^-]' $words[2..-2]
    or contains -- (path basename -- $words[1]) $links
end

# Whether the program has to be named now.
function __vdeq_needs_program
    set -l words (commandline -opc)
    not string match -qr -- '^(qemu|kvm|.*/)' $words[2..-1]
end

# The directories of switches, where they usually are.
function __vdeq_switches
    for ctl in ~/.vdeplug/*/ctl ~/.vde2/*/ctl /run/*/ctl $XDG_RUNTIME_DIR/*/ctl /tmp/*/ctl
        test -S $ctl
        and path dirname -- $ctl
    end
end

# One word more of a list with commas, behind what stands there.
function __vdeq_list
    set -l kept (commandline -ct | string replace -r '[^,]*$' '')
    printf '%s\n' $kept$argv
end

function __vdeq_features
    __vdeq_list net= pcap= stats loss= delay= jitter= dup= reorder= rate= corrupt= seed= to=
end

# What stands behind an option of QEMU that names a network.
function __vdeq_networks
    switch (commandline -ct)
        case '*sock=*'
            set -l kept (commandline -ct | string replace -r 'sock=.*' 'sock=')
            printf '%s\n' $kept(__vdeq_switches)
        case 'vde,*'
            __vdeq_list sock= port= group= mode= mac=
        case '*'
            printf '%s\n' vde vde,sock=
    end
end

function __vdeq_programs
    complete -C '' | string match -r '^(?:qemu(?:-system-\S*)?|kvm|qemu-kvm)(?=\t|$)' | sort -u
end

complete -c vdeq -n 'not __fish_contains_opt doctor; and __vdeq_needs_program' -xa '(__vdeq_programs)'
complete -c vdeq -n '__fish_contains_opt doctor' -xa '(__vdeq_switches)'
complete -c vdeoq -n __vdeq_needs_program -xa '(__vdeq_programs)'
for command in vdeq vdeoq vdeqemu vdekvm vdeoqemu
    complete -c $command -n '__fish_prev_arg_in -net -netdev -nic' -xa '(__vdeq_networks)'
    complete -c $command -n __vdeq_leads -l help -f -a 'all' -d 'say how vdeq is used'
    complete -c $command -n __vdeq_leads -o h -f -d 'say how vdeq is used'
    complete -c $command -n __vdeq_leads -o help -f -d 'say how vdeq is used'
    complete -c $command -n __vdeq_leads -l version -f -d 'say which vdeq this is'
    complete -c $command -n __vdeq_leads -o version -f -d 'say which vdeq this is'
    complete -c $command -n __vdeq_leads -l doctor -f -a 'json' -d 'look at this machine, and say what is wrong'
    complete -c $command -n __vdeq_leads -o v -f -d 'say what is done'
    complete -c $command -n __vdeq_leads -l verbose -f -d 'say what is done'
    complete -c $command -n __vdeq_leads -l exec -f -d 'become QEMU instead of watching over it'
    complete -c $command -n __vdeq_leads -l dry-run -f -d 'print the command that would run'
    complete -c $command -n __vdeq_leads -l explain -f -a 'text json' -d 'print what becomes of each argument, and why'
    complete -c $command -n __vdeq_leads -l modernize -f -d 'replace options that this QEMU has lost, too'
    complete -c $command -n __vdeq_leads -l fd-placeholder -f -d 'start any program: {vde:SWITCH} becomes a descriptor'
    complete -c $command -n __vdeq_leads -l qemu-version -x -d 'do not ask QEMU for its version'
    complete -c $command -n __vdeq_leads -l timeout -x -d 'give a switch this long to answer'
    complete -c $command -n __vdeq_leads -l reconnect -x -a 'on off' -d 'whether, or how long, to try to plug in again'
    complete -c $command -n __vdeq_leads -l wait -f -d 'wait for a switch that is not there yet'
    complete -c $command -n __vdeq_leads -l control -r -d 'answer questions and orders on this socket'
    complete -c $command -n __vdeq_leads -l events -r -d 'tell what happens, as lines of JSON'
    complete -c $command -n __vdeq_leads -l ready-fd -x -d 'say on this descriptor that the VM has its network'
    complete -c $command -n __vdeq_leads -l link-state -f -d 'tell the guest when its network goes and comes'
    complete -c $command -n __vdeq_leads -l relay -x -a '(__vdeq_features)' -d 'capture, count or impair frames, such as pcap=FILE or loss=1%'
    complete -c $command -n __vdeq_leads -l mac -x -a 'auto' -d 'give NICs without an address one of their own'
    complete -c $command -n __vdeq_leads -l switch -f -a '(__vdeq_switches; __fish_complete_directories)' -d 'serve a switch there; without a program, nothing else'
    complete -c $command -n __vdeq_leads -l ports -x -d 'how many ports that switch has'
    complete -c $command -n __vdeq_leads -l hub -f -d 'it is a hub: every frame goes to every port'
    complete -c $command -n __vdeq_leads -l group -x -a '(__fish_complete_groups)' -d 'the group that its sockets belong to'
    complete -c $command -n __vdeq_leads -l mgmt -r -d 'answer its management console on this socket'
    complete -c $command -n __vdeq_leads -o M -r -d 'the same as --mgmt'
    complete -c $command -l mod -x -d 'file mode of the data sockets, and of the sockets of --switch'
    complete -c $command -o mod -x -d 'file mode of the data sockets, and of the sockets of --switch'
    complete -c $command -l mode -x -d 'file mode of the data sockets, and of the sockets of --switch'
    complete -c $command -o mode -x -d 'file mode of the data sockets, and of the sockets of --switch'
    complete -c $command -o sock -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
    complete -c $command -l sock -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
    complete -c $command -o vdesock -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
    complete -c $command -l vdesock -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
    complete -c $command -o unix -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
    complete -c $command -l unix -x -a '(__vdeq_switches; __fish_complete_directories)' -d 'join these switches (old syntax)'
end
