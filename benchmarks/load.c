/* A closed-loop HTTP/1.1 load generator for 127.0.0.1, small enough not to be what is measured.
 *
 *   load post PORT CLIENTS SECONDS MAX_REQUESTS LINKS_OUT REQUEST_FILE...
 *   load get  PORT CLIENTS SECONDS MAX_REQUESTS LINKS_IN  EXPECTED_LENGTH [AFTER_LINK]
 *
 * One thread, epoll, one keep-alive connection a client. `post` sends the request files as they are, in turn, and
 * writes the path of each link that is answered, in the body or as a redirection, to LINKS_OUT, one a line. `get` asks for the paths of LINKS_IN in
 * order, from the top again when they run out. A request counts when it was sent whole, its status was the expected
 * one (201 or 302, or 200) and its body had the length that Content-Length promised (and EXPECTED_LENGTH, for a get).
 *
 * No request starts after SECONDS or MAX_REQUESTS; those in flight are finished, and the clock stops with the last of
 * them. An alarm ends the program a minute after SECONDS whatever happens. Bodies are dropped inside the kernel
 * (MSG_TRUNC), which is what keeps this program cheap at 10 MB an answer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 16384, STATUSES = 600, MOST_LATENCIES = 4000000 };

struct request { const char *bytes; size_t length, body; };

struct client {
    int fd, status, polled_for_writing, answered_before;
    const struct request *request;
    size_t sent, received, header, promised;   /* header = 0 until the blank line was seen */
    char buffer[BUFFER];
    double started;
    char get_line[512];
    struct request get_request;
};

static int port, clients, getting, in_flight, poll_fd;
static double seconds, begun, ended;
static long max_requests, started_requests, good, wrong_length, broken, reconnects, statuses[STATUSES];
static long long body_bytes;
static size_t expected_length;
static struct request *requests;
static size_t request_count;
static char **links;
static size_t link_count;
static const char *after_link = "";
static FILE *links_out;
static double *latencies;

static void die(const char *what) { perror(what); exit(2); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static char *read_whole(const char *path, size_t *length) {
    struct stat s;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &s) < 0) die(path);
    char *bytes = malloc(s.st_size + 1);
    for (*length = 0; *length < (size_t)s.st_size;) {
        ssize_t n = read(fd, bytes + *length, s.st_size - *length);
        if (n <= 0) die(path);
        *length += n;
    }
    bytes[*length] = 0;
    close(fd);
    return bytes;
}

static void read_requests(char **paths, int count) {
    requests = calloc(count, sizeof *requests);
    for (int i = 0; i < count; i++) {
        size_t length;
        char *bytes = read_whole(paths[i], &length);
        char *blank = memmem(bytes, length, "\r\n\r\n", 4);
        if (!blank) { fprintf(stderr, "%s is no HTTP request\n", paths[i]); exit(2); }
        requests[i] = (struct request){bytes, length, length - (blank + 4 - bytes)};
    }
    request_count = count;
}

static void read_links(const char *path) {
    size_t length;
    char *text = read_whole(path, &length), *rest = text, *line;
    links = malloc((length + 1) * sizeof *links);
    while ((line = strsep(&rest, "\n")))
        if (*line) links[link_count++] = line;
    if (!link_count) { fprintf(stderr, "%s holds no links\n", path); exit(2); }
}

static void watch(struct client *c, int writing) {
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c};
    if (c->polled_for_writing == writing) return;
    if (epoll_ctl(poll_fd, c->polled_for_writing < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &e) < 0) die("epoll_ctl");
    c->polled_for_writing = writing;
}

static void connect_client(struct client *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) die("connect");
    c->polled_for_writing = -1;
    c->answered_before = 0;
}

static void close_client(struct client *c) {
    close(c->fd);
    c->fd = -1;
}

static void rewind_request(struct client *c) {
    c->sent = c->received = c->header = c->promised = 0;
    c->status = 0;
}

/* Gives an idle client its next request, or closes it when the run is over. */
static void next_request(struct client *c) {
    if (started_requests >= max_requests || now() - begun >= seconds) {
        if (c->fd >= 0) close_client(c);
        return;
    }
    if (c->fd < 0) connect_client(c);
    if (getting) {
        int n = snprintf(c->get_line, sizeof c->get_line, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                         links[started_requests % link_count], after_link);
        c->get_request = (struct request){c->get_line, n, 0};
        c->request = &c->get_request;
    } else {
        c->request = &requests[started_requests % request_count];
    }
    started_requests++;
    in_flight++;
    rewind_request(c);
    c->started = now();
    watch(c, 1);
}

static void finish(struct client *c) {
    double t = now();
    int redirected = !getting && c->status == 302, fits = redirected || c->status == (getting ? 200 : 201);
    statuses[c->status]++;
    if (fits && getting && c->promised != expected_length) { wrong_length++; fits = 0; }
    if (fits) {
        if (good < MOST_LATENCIES) latencies[good] = t - c->started;
        good++;
        body_bytes += getting ? c->promised : c->request->body;
        if (!getting) {
            char *link = redirected ? strcasestr(c->buffer, "\r\nlocation: /")
                                    : memmem(c->buffer + c->header, c->received - c->header, "/image/", 7);
            if (link) link += redirected ? 12 : 0;
            if (link) fprintf(links_out, "%.*s\n", (int)strspn(link,
                "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), link);
        }
    }
    ended = t;
    in_flight--;
    c->answered_before = 1;
    if (c->sent < c->request->length) close_client(c);   /* refused before the body was through */
    next_request(c);
}

/* The server closed. A kept connection may die between two requests: then the request is sent again, once a close. */
static void hung_up(struct client *c) {
    int may_repeat = c->answered_before && c->received == 0;
    close_client(c);
    if (may_repeat) {
        reconnects++;
        connect_client(c);
        rewind_request(c);
        watch(c, 1);
        return;
    }
    broken++;
    in_flight--;
    ended = now();
    next_request(c);
}

static void read_header(struct client *c) {
    char *blank = memmem(c->buffer, c->received, "\r\n\r\n", 4);
    if (!blank) return;
    *blank = 0;
    c->header = blank + 4 - c->buffer;
    char *length = strcasestr(c->buffer, "\r\ncontent-length:");
    c->promised = length ? strtoull(length + 17, NULL, 10) : 0;
    c->status = atoi(c->buffer + 9);
    if (c->status < 100 || c->status >= STATUSES) c->status = 0;
}

static void receive(struct client *c) {
    int keep = c->header == 0 || (!getting && c->received < BUFFER - 1);
    ssize_t n = keep ? recv(c->fd, c->buffer + c->received, BUFFER - 1 - c->received, 0)
                     : recv(c->fd, NULL, 1 << 22, MSG_TRUNC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) { hung_up(c); return; }
    c->received += n;
    if (c->received < BUFFER) c->buffer[c->received] = 0;
    if (!c->header) read_header(c);
    if (c->header && c->received >= c->header + c->promised && (c->sent == c->request->length || c->status >= 400))
        finish(c);
}

static void send_more(struct client *c) {
    ssize_t n = send(c->fd, c->request->bytes + c->sent, c->request->length - c->sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) { if (errno != EPIPE && errno != ECONNRESET) die("send"); hung_up(c); return; }
    c->sent += n;
    if (c->sent < c->request->length) return;
    watch(c, 0);
    if (c->header && c->received >= c->header + c->promised) finish(c);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(double p) {
    long n = good < MOST_LATENCIES ? good : MOST_LATENCIES;
    if (!n) return 0;
    long i = (long)(p * n + 0.999999) - 1;
    return latencies[i < 0 ? 0 : i >= n ? n - 1 : i] * 1e3;
}

static void report(void) {
    struct rusage used;
    const char *comma = "";
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(latencies, good < MOST_LATENCIES ? good : MOST_LATENCIES, sizeof *latencies, by_size);
    printf("{\"requests\": %ld, \"seconds\": %.6f, \"body_bytes\": %lld, \"wrong_length\": %ld, \"broken\": %ld, "
           "\"reconnects\": %ld, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, \"generator_cpu_s\": %.4f, "
           "\"statuses\": {", good, ended - begun, body_bytes, wrong_length, broken, reconnects, percentile(0.5),
           percentile(0.99), percentile(1), cpu);
    for (int i = 0; i < STATUSES; i++)
        if (statuses[i]) { printf("%s\"%d\": %ld", comma, i, statuses[i]); comma = ", "; }
    printf("}}\n");
}

static void run(void) {
    struct epoll_event events[256];
    struct client *all = calloc(clients, sizeof *all);
    poll_fd = epoll_create1(0);
    begun = ended = now();
    for (int i = 0; i < clients; i++) { all[i].fd = -1; next_request(&all[i]); }
    while (in_flight > 0) {
        int n = epoll_wait(poll_fd, events, 256, 1000);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c->fd < 0) continue;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
            else if (events[i].events & EPOLLOUT) send_more(c);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 8) { fprintf(stderr, "usage: see the head of load.c\n"); return 2; }
    getting = !strcmp(argv[1], "get");
    port = atoi(argv[2]);
    clients = atoi(argv[3]);
    seconds = atof(argv[4]);
    max_requests = atol(argv[5]);
    latencies = calloc(MOST_LATENCIES, sizeof *latencies);
    if (getting) {
        read_links(argv[6]);
        expected_length = strtoull(argv[7], NULL, 10);
        if (argc > 8) after_link = argv[8];
    } else {
        if (!(links_out = fopen(argv[6], "w"))) die(argv[6]);
        read_requests(argv + 7, argc - 7);
    }
    alarm((unsigned)seconds + 60);
    run();
    if (links_out) fclose(links_out);
    report();
    return 0;
}
