/* What cannot be had from a healthy machine, for one process by LD_PRELOAD:
 * WALL_CLOCK=<file>  wall clock off by the seconds (int64) in <file>, looked up at each call
 * RESOLVER=<file>    names are looked up by no server: each is this computer while <file> is
 *                    there, and unknown while it is not; addresses are left alone */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("WALL_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *map = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (map != MAP_FAILED)
        offset = map;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *offset;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real)
        real = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    if (!result && offset)
        now->tv_sec += *offset;
    return result;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    const char *known = getenv("RESOLVER");
    unsigned char address[sizeof(struct in6_addr)];
    if (!real)
        real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (known && name && !inet_pton(AF_INET, name, address) && !inet_pton(AF_INET6, name, address)) {
        if (access(known, F_OK))
            return EAI_NONAME;
        name = "127.0.0.1";
    }
    return real(name, service, hints, found);
}
