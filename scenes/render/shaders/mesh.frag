#version 330 core
// One light model for everything: a key light with a soft shadow, sky fill, a rim from behind, and a studio to reflect.
// VARIANT_CODE and FINISH_CODE are constants of each compiled program: a processor that draws runs both sides of every `if`.
uniform vec3 eye;          // world
uniform vec3 to_light;     // world, unit
uniform float key, fill, rim, warmth;
uniform sampler2D shadow_map;
uniform mat4 light_matrix; // world to shadow map, -1..1
uniform vec3 base_color;   // linear
uniform float gloss;
uniform float frequency;   // of the pattern
uniform vec3 far_color;    // linear color of the surface far away
#if LOOK_CODE != 1
uniform mat4 pose;         // object to world
uniform float scattered, deepened, mirrored, windows, edge, tinted, roughness, brushed, highlight, sharpness; // of the finish
#endif
#ifdef HAS_PHOTO
uniform sampler2D photo;   // as large as the picture
uniform float photo_scale; // 1 / its size
#endif

in vec3 frag_position;
in vec3 frag_normal;
in vec3 local_position;
in vec3 local_normal;

out vec4 frag_color;

const int CODE = VARIANT_CODE; // of the object's pattern (0..) or, from 10, of the surface
const bool SURFACE = CODE >= 10;
const bool METAL = FINISH_CODE == 1;
const bool GLOSSY = FINISH_CODE == 2;

const int TAPS = 16;
const vec2 SPIRAL[TAPS] = vec2[TAPS]( // sunflower: tap i at the golden angle times i, radius sqrt((i + 1/2) / TAPS)
    vec2(0.176777, 0.000000), vec2(-0.225772, 0.206826), vec2(0.034558, -0.393771), vec2(0.284571, 0.371173),
    vec2(-0.522223, -0.092374), vec2(0.494695, -0.314685), vec2(-0.165466, 0.615525), vec2(-0.315562, -0.607594),
    vec2(0.684642, 0.250030), vec2(-0.712256, 0.294009), vec2(0.343354, -0.733729), vec2(0.253731, 0.808932),
    vec2(-0.764746, -0.443186), vec2(0.897134, -0.197233), vec2(-0.547507, 0.778772), vec2(-0.126487, -0.976090));
const float SOFTNESS = 0.0085; // radius of the shadow's edge, in shadow map units

float hash(vec2 p)
{
    vec3 q = fract(vec3(p.xyx) * 0.1031);
    q += dot(q, q.yzx + 33.33);
    return fract((q.x + q.y) * q.z);
}

float noise(vec2 p)
{
    vec2 i = floor(p), f = fract(p);
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(hash(i), hash(i + vec2(1, 0)), f.x), mix(hash(i + vec2(0, 1)), hash(i + vec2(1, 1)), f.x), f.y);
}

// Share of the key light that arrives: taps on a spiral turned by a fixed pattern, biased along the normal.
float lit_share(vec3 normal, float facing, float softness)
{
    vec3 lifted = frag_position + normal * mix(0.045, 0.012, facing);
    vec3 at = (light_matrix * vec4(lifted, 1.0)).xyz * 0.5 + 0.5;
    if (any(lessThan(at, vec3(0.02))) || any(greaterThan(at, vec3(0.98)))) return 1.0;
    float turn = 6.2831853 * fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
    vec2 x = softness * vec2(cos(turn), sin(turn)), y = vec2(-x.y, x.x);
    float sum = 0.0;
    for (int i = 0; i < TAPS; i++) {
        vec2 tap = at.xy + SPIRAL[i].x * x + SPIRAL[i].y * y;
        sum += step(at.z - 0.0012, textureLod(shadow_map, tap, 0.0).r);
    }
    return sum / float(TAPS);
}

// How much of the second color shows at this place of the surface: 0 base, 1 second.
float pattern()
{
    vec3 p = local_position;
    if (CODE == 1) {
        float t = dot(p, vec3(0.30, 0.22, 1.0)) * frequency;
        float w = max(0.6 * fwidth(t), 1e-4);
        float d = abs(fract(t) - 0.5);
        return smoothstep(0.31 - w, 0.31 + w, d);
    }
    if (CODE == 2) {
        vec3 a = abs(local_normal);
        vec2 q = a.z >= max(a.x, a.y) ? p.xy : (a.x >= a.y ? p.yz : p.xz);
        vec2 cell = fract(q * frequency) - 0.5;
        float w = max(0.6 * max(fwidth(q.x), fwidth(q.y)), 1e-4) * frequency;
        return 1.0 - smoothstep(0.28 - w, 0.28 + w, length(cell));
    }
    if (CODE == 3) {
        vec3 c = floor(p * frequency); // an odd frequency: no face of a box lies on a boundary
        return mod(c.x + c.y + c.z, 2.0);
    }
    return 0.0;
}

vec3 surface_color(vec3 tint)
{
    vec2 p = frag_position.xy;
    if (CODE == 11) { // planks
        float plank = floor(p.y * 1.9);
        vec2 q = vec2(p.x * 0.9 + hash(vec2(plank, 3.0)) * 17.0, p.y * 14.0);
        float grain = noise(q * vec2(1.2, 1.0)) * 0.6 + noise(q * vec2(3.0, 2.3)) * 0.4;
        float joint = smoothstep(0.0, 0.03, abs(fract(p.y * 1.9) - 0.5) * -1.0 + 0.5);
        return tint * (0.84 + 0.20 * grain + 0.08 * (hash(vec2(plank, 7.0)) - 0.5)) * mix(0.80, 1.0, joint);
    }
    if (CODE == 12) { // tiles
        vec2 q = abs(fract(p * 1.1 + 0.25) - 0.5);
        float edge = max(q.x, q.y);
        float w = fwidth(p.x) + fwidth(p.y);
        float shade = 0.95 + 0.07 * hash(floor(p * 1.1 + 0.25));
        return tint * mix(shade, 0.78, smoothstep(0.485 - w, 0.490 + w, edge));
    }
    if (CODE == 13) // grass
        return tint * (0.78 + 0.26 * noise(p * vec2(26.0, 11.0)) + 0.14 * noise(p * 3.1));
    if (CODE == 14) // sand
        return tint * (0.90 + 0.08 * noise(p * 34.0) + 0.07 * noise(p * vec2(2.1, 6.3)));
    return tint;
}

vec3 studio(vec3 r, vec3 to_light)
{
    float sky = smoothstep(-0.35, 0.75, r.z);
    float softbox = smoothstep(0.72, 0.93, dot(r, to_light));
    float strip = smoothstep(0.80, 0.92, r.x * -to_light.y + r.y * to_light.x) * smoothstep(0.6, 0.1, abs(r.z - 0.15));
    return vec3(mix(0.24, 0.86, sky) + 1.1 * softbox + 0.5 * strip);
}

#if LOOK_CODE != 1
// What a mirror sees that way: x, a sky over a dark horizon and a floor; y, 0..1, windows at a slant to them.
// A place on the object shifts both, as if the walls were near: flat faces, where r is all but one, see edges too.
vec2 hall(vec3 r, vec3 place, vec3 to_light, float soft)
{
    vec2 light = normalize(to_light.xy);
    float up = normalize(r + place).z;
    vec3 way = 0.4 * r + place;
    float ahead = dot(way.xy, light), aside = way.y * light.x - way.x * light.y;
    float sky = mix(0.75, 0.45, smoothstep(0.0, 1.0, up));
    float ground = mix(0.06, 0.50, smoothstep(0.0, 0.9, -up));
    float slant = abs(fract(0.95 * aside + 1.4 * way.z + 0.5 * ahead + 0.15) - 0.5) * 2.0;
    float window = smoothstep(0.75 - soft, 0.75 + soft, slant);
    return vec2(mix(ground, sky, smoothstep(-soft, soft, up)), window);
}

// A metal or a clear coat in the hall.
vec3 finished(vec3 albedo, vec3 light, vec3 n, vec3 v, vec3 l, float lit, float fresnel)
{
    vec3 r = reflect(-v, n), place = mat3(pose) * local_position / length(pose[0].xyz);
    if (METAL)
        r.z += brushed * (2.0 * noise(vec2(2.0 * (local_position.x + local_position.y), 24.0 * local_position.z)) - 1.0);
    vec2 seen = hall(r, place, l, 0.05 + roughness);
    float shine = pow(max(dot(n, normalize(l + v)), 0.0), sharpness);
    if (GLOSSY) shine = smoothstep(0.25, 0.9, shine);
    float paleness = dot(albedo, vec3(0.2126, 0.7152, 0.0722));
    vec3 hue = albedo / max(albedo.r, max(albedo.g, albedo.b));
    float grayness = min(hue.r, min(hue.g, hue.b));
    float glow = windows * (0.7 + 0.5 * paleness); // seen on white, and dark colors are not bleached
    vec3 tint = mix(mix(vec3(1.0), hue, 0.4), albedo + 0.02 + 0.04 * grayness, tinted); // black metal mirrors too
    float shown = ((mirrored + edge * fresnel) * seen.x + glow * seen.y) * mix(0.75, 1.0, lit) + highlight * lit * shine;
    vec3 own = albedo * light;
    float brightness = dot(own, vec3(0.2126, 0.7152, 0.0722));
    return own * (scattered - deepened * brightness * brightness) + tint * shown;
}
#endif

void main()
{
    vec3 n = normalize(frag_normal);
    vec3 v = normalize(eye - frag_position);
    vec3 l = to_light;
#ifdef HAS_PHOTO
    // The photo is lit already: what is under or behind the objects is dimmed by their shadows, nothing else (18) is.
    vec4 there = texture(photo, gl_FragCoord.xy * photo_scale);
    float arrives = CODE == 18 ? 1.0 : key * max(dot(n, l), 0.0);
    float shaded = CODE == 18 ? 1.0 : fill + arrives * lit_share(n, max(dot(n, l), 0.0), SOFTNESS);
    float open = CODE == 18 ? 1.0 : fill + arrives;
    frag_color = vec4(there.rgb * pow(shaded / open, 1.0 / 2.2), 1.0);
    return;
#endif
    vec3 albedo = base_color;
    if (SURFACE) {
        albedo = surface_color(albedo);
    } else if (CODE > 0) {
        float luminance = dot(albedo, vec3(0.2126, 0.7152, 0.0722));
        vec3 second = luminance > 0.42 ? vec3(0.016) : mix(albedo, vec3(1.0), 0.88); // near black or near white
        albedo = mix(albedo, second, pattern());
    }

    float nl = max(dot(n, l), 0.0), nv = max(dot(n, v), 0.0);
    float lit = nl > 0.0 ? lit_share(n, nl, CODE == 15 ? 3.0 * SOFTNESS : SOFTNESS) : 0.0;
    vec3 warm = vec3(1.0 + 0.035 * warmth, 1.0, 1.0 - 0.045 * warmth);
    vec3 from_key = warm * key * nl * lit;
    vec3 from_sky = fill * mix(0.70, 1.0, n.z * 0.5 + 0.5) * mix(vec3(1.0), vec3(0.985, 0.99, 1.01), 0.5);
    vec3 light = from_key + from_sky + rim * pow(1.0 - nv, 3.0);
    vec3 color = albedo * light;

    if (!SURFACE) {
        vec3 r = reflect(-v, n);
        vec3 h = normalize(l + v);
        float fresnel = pow(1.0 - nv, 5.0);
#if LOOK_CODE != 1
        if (METAL || GLOSSY) color = finished(albedo, light, n, v, l, lit, fresnel);
#else
        if (METAL) { // reflections take the metal's color
            vec3 mirror = studio(r, l) * mix(0.75, 1.0, lit);
            color = albedo * light * 0.72 + mix(albedo, vec3(1.0), 0.02 + 0.25 * fresnel) * mirror * 0.5;
            color += albedo * lit * 0.9 * pow(max(dot(n, h), 0.0), 60.0);
        } else if (GLOSSY) { // a clear coat: a small sharp highlight and a faint white reflection
            color = color * (1.0 - 0.06 * gloss) + gloss * (0.03 + 0.45 * fresnel) * studio(r, l) * mix(0.4, 1.0, lit);
            color += gloss * lit * 0.95 * smoothstep(0.25, 0.9, pow(max(dot(n, h), 0.0), 160.0));
        }
#endif
    } else if (CODE == 15) { // a wall, a little darker away from its middle
        color *= 1.0 - 0.022 * dot(frag_position.xz, frag_position.xz) * 0.35;
    } else { // the floor fades into the color far away, as on a studio sweep
        color = mix(color, far_color, smoothstep(3.2, 9.0, length(frag_position.xy)));
    }
    frag_color = vec4(pow(clamp(color, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}
