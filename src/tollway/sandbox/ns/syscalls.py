"""The system calls that programs need, by name, on every architecture that has them.

Rules
1. A call is here because programs of users make it (interpreters, compilers, databases, browsers'
   engines), and because it acts on what is the sandbox's own.
2. What changes the machine, another process or the sandbox itself is not here: it is refused, or,
   where programs have a way without it, not there at all.
"""


def _named(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FILES = _named("""
    access faccessat faccessat2 chdir fchdir chmod fchmod fchmodat fchmodat2 chown fchown fchownat
    lchown close close_range copy_file_range creat dup dup2 dup3 fadvise64 fallocate fcntl flock
    fdatasync fsync sync sync_file_range syncfs fgetxattr flistxattr fremovexattr fsetxattr getxattr
    lgetxattr listxattr llistxattr lremovexattr lsetxattr removexattr setxattr fstat fstatfs
    ftruncate futimesat getcwd getdents getdents64 inotify_add_watch inotify_init inotify_init1
    inotify_rm_watch ioctl lseek link linkat lstat mkdir mkdirat mknod mknodat newfstatat open
    openat pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead
    readlink readlinkat readv rename renameat renameat2 rmdir sendfile splice stat statfs statx
    symlink symlinkat tee truncate umask unlink unlinkat utime utimensat utimes vmsplice write
    writev
""")
WAITING = _named("""
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 poll ppoll pselect6 select signalfd signalfd4 timerfd_create
    timerfd_gettime timerfd_settime io_cancel io_destroy io_getevents io_pgetevents io_setup
    io_submit
""")
MEMORY = _named("""
    brk cachestat madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall
    mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
    remap_file_pages
""")
PROCESSES = _named("""
    arch_prctl capget capset clone execve execveat exit exit_group fork futex futex_requeue
    futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu getegid geteuid getgid
    getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid getrlimit getrusage
    getsid gettid getuid ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
    landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall
    riscv_flush_icache rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
    set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setpgid
    setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sigaltstack sysinfo
    tgkill tkill uname vfork wait4 waitid
""")
TIME = _named("""
    alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time
    timer_create timer_delete timer_getoverrun timer_gettime timer_settime times
""")
TALKING = _named("""
    accept accept4 bind connect getpeername getrandom getsockname getsockopt listen mq_getsetattr
    mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom
    recvmmsg recvmsg semctl semget semop semtimedop sendmmsg sendmsg sendto setsockopt shmat shmctl
    shmdt shmget shutdown socket socketpair
""")
ALLOWED = FILES + WAITING + MEMORY + PROCESSES + TIME + TALKING

NAMESPACES = ("unshare", "setns")

REFUSED = (
    *NAMESPACES,
    *_named("""
    acct add_key adjtimex bpf chroot clock_adjtime clock_settime create_module delete_module
    fanotify_init finit_module fsconfig fsmount fsopen fspick init_module ioperm iopl kcmp
    kexec_file_load kexec_load keyctl lookup_dcookie modify_ldt mount mount_setattr move_mount
    move_pages name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open
    pidfd_getfd pivot_root process_madvise process_vm_readv process_vm_writev ptrace quotactl
    quotactl_fd reboot request_key setdomainname sethostname settimeofday stime swapoff swapon
    syslog umount umount2 userfaultfd uselib vhangup
"""),
)
